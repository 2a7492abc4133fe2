package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Argo CD stops a script that takes longer.
const scriptLimit = time.Second

// What Argo CD takes for a health; of anything else it makes Unknown.
var healths = []string{"Unknown", "Progressing", "Suspended", "Healthy", "Degraded", "Missing"}

// healthBy judges as Argo CD 3 does: what is being deleted is Progressing, and its script is not asked; all else is as
// the script says. It runs on the same Lua (gopher-lua) with the same libraries: neither `string` nor `math`, unless
// an administrator opens them. Argo CD's own package for this comes only together with the rest of Argo CD.
//
// Sources: argo-cd util/lua/lua.go (runLua, ExecuteHealthLua, decodeValue) and gitops-engine pkg/health/health.go
// (GetResourceHealth).
func healthBy(script string) judge {
	return func(object *unstructured.Unstructured) (verdict, error) {
		if object.GetDeletionTimestamp() != nil {
			return verdict{"Progressing", "Pending deletion"}, nil
		}
		state := lua.NewState(lua.Options{SkipOpenLibs: true})
		defer state.Close()
		if err := open(state); err != nil {
			return verdict{}, err
		}
		limit, cancel := context.WithTimeout(context.Background(), scriptLimit)
		defer cancel()
		state.SetContext(limit)
		state.SetGlobal("obj", inLua(state, object.Object))
		if err := state.DoString(script); err != nil {
			return verdict{}, err
		}
		return fromLua(state.Get(-1))
	}
}

func open(state *lua.LState) error {
	libraries := []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage},
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
	}
	for _, library := range libraries {
		call := lua.P{Fn: state.NewFunction(library.open), NRet: 0, Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			return err
		}
	}
	return nil
}

func fromLua(returned lua.LValue) (verdict, error) {
	table, isTable := returned.(*lua.LTable)
	if !isTable {
		return verdict{}, fmt.Errorf("the script returned a %s, not a table", returned.Type())
	}
	found := verdict{lua.LVAsString(table.RawGetString("status")), lua.LVAsString(table.RawGetString("message"))}
	if !slices.Contains(healths, found.Status) {
		return verdict{"Unknown", "Lua returned an invalid health status"}, nil
	}
	return found, nil
}

func inLua(state *lua.LState, value any) lua.LValue {
	switch given := value.(type) {
	case bool:
		return lua.LBool(given)
	case int64:
		return lua.LNumber(given)
	case float64:
		return lua.LNumber(given)
	case string:
		return lua.LString(given)
	case []any:
		list := state.CreateTable(len(given), 0)
		for _, item := range given {
			list.Append(inLua(state, item))
		}
		return list
	case map[string]any:
		table := state.CreateTable(0, len(given))
		for key, item := range given {
			table.RawSetString(key, inLua(state, item))
		}
		return table
	}
	return lua.LNil
}
