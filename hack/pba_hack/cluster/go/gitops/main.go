// Command gitops says what GitOps tools make of objects, with their own code.
//
// Called as "kstatus", it says what Flux and others take an object's status for (Current, InProgress, Failed or
// Terminating). Called as "argocd-health SCRIPT", it says which health Argo CD shows for it when SCRIPT (in Lua) is
// its health check. Either reads objects as JSON from its standard input, one after another, and answers each with a
// line of JSON.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// verdict is the answer for one object.
type verdict struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type judge func(*unstructured.Unstructured) (verdict, error)

func main() {
	log.SetFlags(0)
	name := filepath.Base(os.Args[0])
	log.SetPrefix(name + ": ")
	chosen, err := choose(name, os.Args[1:])
	if err != nil {
		log.Fatal(err)
	}
	if err := answer(os.Stdin, os.Stdout, chosen); err != nil {
		log.Fatal(err)
	}
}

func choose(name string, arguments []string) (judge, error) {
	switch {
	case name == "kstatus" && len(arguments) == 0:
		return computed, nil
	case name == "argocd-health" && len(arguments) == 1:
		script, err := os.ReadFile(arguments[0])
		return healthBy(string(script)), err
	}
	return nil, errors.New("call this as `kstatus` or as `argocd-health SCRIPT`, with objects on the standard input")
}

// answer judges each object of input.
func answer(input io.Reader, output io.Writer, chosen judge) error {
	objects, answers := json.NewDecoder(input), json.NewEncoder(output)
	for {
		var raw json.RawMessage
		if err := objects.Decode(&raw); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		// Not json.Unmarshal: only this keeps integers apart from floating-point numbers, as clients of Kubernetes do.
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(raw); err != nil {
			return err
		}
		found, err := chosen(object)
		if err != nil {
			return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
		}
		if err := answers.Encode(found); err != nil {
			return err
		}
	}
}

func computed(object *unstructured.Unstructured) (verdict, error) {
	found, err := status.Compute(object)
	if err != nil {
		return verdict{}, err
	}
	return verdict{found.Status.String(), found.Message}, nil
}
