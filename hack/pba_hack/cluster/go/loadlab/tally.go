package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
)

// tally is what applications have told that they executed.
type tally struct {
	counts []atomic.Uint32
	mutex  sync.Mutex
	byNode map[string]int
}

// keepTally takes in what applications tell until input ends. On each line of it the counts are written into the file, and
// answered with how many requests each node has executed.
func keepTally(address, executed string, input io.Reader, output io.Writer) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	kept := &tally{counts: make([]atomic.Uint32, maxRequests), byNode: map[string]int{}}
	go kept.listen(listener)
	fmt.Fprintln(output, `"ready"`)
	for lines := bufio.NewScanner(input); lines.Scan(); {
		if err := writeCounts(executed, kept.counts); err != nil {
			return err
		}
		if err := json.NewEncoder(output).Encode(kept.report()); err != nil {
			return err
		}
	}
	return nil
}

func (t *tally) listen(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		check(err)
		go t.take(connection)
	}
}

// take counts what one application tells: its name, then a number for each request. It ends when the application does, or
// its machine.
func (t *tally) take(connection net.Conn) {
	defer connection.Close()
	lines := bufio.NewScanner(connection)
	if !lines.Scan() {
		return
	}
	node := lines.Text()
	for lines.Scan() {
		id, err := strconv.Atoi(lines.Text())
		if err != nil || id < 0 || id >= maxRequests {
			continue
		}
		t.counts[id].Add(1)
		t.mutex.Lock()
		t.byNode[node]++
		t.mutex.Unlock()
	}
}

func (t *tally) report() map[string]int {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	copied := make(map[string]int, len(t.byNode))
	for node, count := range t.byNode {
		copied[node] = count
	}
	return copied
}
