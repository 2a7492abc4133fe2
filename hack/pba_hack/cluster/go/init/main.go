// Command init is the first process of a node of the local cluster and of its control plane, and, called as "pause",
// of every pod.
//
// As "init SPEC" it starts the programs that the JSON file SPEC lists, each as soon as what it needs is there,
// restarts those that end, and reaps orphans. It must stay alive: its end is the crash of the node, since
// the kernel then kills all that lives in its process namespace.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	probePeriod  = 20 * time.Millisecond
	firstBackoff = 500 * time.Millisecond
	maxBackoff   = 10 * time.Second
)

// program is one supervised program.
type program struct {
	Name    string   `json:"name"`
	Command []string `json:"command"`
	Log     string   `json:"log"`
	// After is what it needs: addresses, such as "unix:/run/x.sock" or "tcp:127.0.0.1:2379", that must accept
	// connections, and files, such as "file:/x", that must exist.
	After []string `json:"after"`
}

// supervisor hands the exit status of each child to whoever started it. Only reap waits for processes: a second
// waiter would steal statuses.
type supervisor struct {
	mutex    sync.Mutex
	children map[int]chan syscall.WaitStatus
}

func main() {
	if filepath.Base(os.Args[0]) == "pause" {
		pause()
		return
	}
	if len(os.Args) != 2 {
		log.Fatal("usage: init SPEC")
	}
	programs, err := read(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGCHLD)
	s := &supervisor{children: map[int]chan syscall.WaitStatus{}}
	for _, p := range programs {
		go s.keep(p)
	}
	for range changed {
		s.reap()
	}
}

// pause holds a pod's namespaces until it is told to stop.
func pause() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGCHLD)
	s := &supervisor{children: map[int]chan syscall.WaitStatus{}}
	for {
		select {
		case <-stop:
			return
		case <-changed:
			s.reap()
		}
	}
}

func read(path string) ([]program, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var programs []program
	if err := json.Unmarshal(data, &programs); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return programs, nil
}

// keep runs a program for ever.
func (s *supervisor) keep(p program) {
	backoff := firstBackoff
	for {
		for _, need := range p.After {
			await(need)
		}
		began := time.Now()
		status, err := s.run(p)
		if err != nil {
			log.Printf("%s: %v", p.Name, err)
		} else {
			log.Printf("%s ended: exit status %d, signal %d", p.Name, status.ExitStatus(), status.Signal())
		}
		if time.Since(began) > maxBackoff {
			backoff = firstBackoff
		}
		time.Sleep(backoff)
		backoff = min(2*backoff, maxBackoff)
	}
}

func await(need string) {
	kind, where, _ := strings.Cut(need, ":")
	for !isThere(kind, where) {
		time.Sleep(probePeriod)
	}
}

func isThere(kind, where string) bool {
	if kind == "file" {
		_, err := os.Stat(where)
		return err == nil
	}
	connection, err := net.DialTimeout(kind, where, time.Second)
	if err != nil {
		return false
	}
	return connection.Close() == nil
}

func (s *supervisor) run(p program) (syscall.WaitStatus, error) {
	output, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, err
	}
	defer output.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	ended, err := s.start(p.Command, &os.ProcAttr{Files: []*os.File{null, output, output}, Env: os.Environ()})
	if err != nil {
		return 0, err
	}
	return <-ended, nil
}

// start registers the child under the same lock that reap takes: a child may end before we know its number.
func (s *supervisor) start(command []string, attributes *os.ProcAttr) (<-chan syscall.WaitStatus, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	process, err := os.StartProcess(command[0], command, attributes)
	if err != nil {
		return nil, err
	}
	ended := make(chan syscall.WaitStatus, 1)
	s.children[process.Pid] = ended
	return ended, process.Release()
}

func (s *supervisor) reap() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if ended, ours := s.children[pid]; ours {
			ended <- status
			delete(s.children, pid)
		}
	}
}
