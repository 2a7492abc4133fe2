package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// maxRequests is how many numbers of requests there may be.
const maxRequests = 1 << 24

// behaviour is how a node answers from now on.
type behaviour struct {
	// DelayMilliseconds is how long an answer takes.
	DelayMilliseconds float64 `json:"delay_ms"`
	// JitterMilliseconds is added to it, at most, by chance.
	JitterMilliseconds float64 `json:"jitter_ms"`
	// FailShare of the requests is answered with 503, at once; a check of the node's health never is.
	FailShare float64 `json:"fail_share"`
}

// order is a line that we read: what to do to which nodes.
type order struct {
	Nodes []int `json:"nodes"`
	// Do is one of set, kill, start, report and count: that writes down how often each request was executed so far.
	Do string `json:"do"`
	behaviour
}

// report is what a node has done.
type report struct {
	Requests int64 `json:"requests"`
	Failed   int64 `json:"failed"`
	// First is when it got the first request since it was set (microseconds since 1970); 0: it got none.
	First int64 `json:"first"`
}

type node struct {
	name     string
	address  string
	how      atomic.Pointer[behaviour]
	requests atomic.Int64
	failed   atomic.Int64
	first    atomic.Int64
	executed func(id int)
	mutex    sync.Mutex
	listener net.Listener
	conns    map[net.Conn]struct{}
}

// serve runs nodes at addresses until input ends; each line of it is an order, and is answered with a line.
func serve(addresses []string, executed string, input io.Reader, output io.Writer) error {
	counts := make([]atomic.Uint32, maxRequests)
	count := func(id int) { counts[id].Add(1) }
	nodes := make([]*node, len(addresses))
	for i, address := range addresses {
		nodes[i] = &node{name: strconv.Itoa(i), address: address, executed: count}
		nodes[i].how.Store(&behaviour{})
		if err := nodes[i].start(); err != nil {
			return err
		}
	}
	fmt.Fprintln(output, `"ready"`)
	lines := bufio.NewScanner(input)
	for lines.Scan() {
		var asked order
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			return err
		}
		if asked.Do == "count" {
			if err := writeCounts(executed, counts); err != nil {
				return err
			}
		}
		answer, err := obey(asked, nodes)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(output).Encode(answer); err != nil {
			return err
		}
	}
	if executed == "" {
		return nil
	}
	return writeCounts(executed, counts)
}

func obey(asked order, nodes []*node) (any, error) {
	chosen := nodes
	if asked.Nodes != nil {
		chosen = nil
		for _, i := range asked.Nodes {
			chosen = append(chosen, nodes[i])
		}
	}
	reports := []report{}
	for _, n := range chosen {
		switch asked.Do {
		case "set":
			how := asked.behaviour
			n.how.Store(&how)
			n.first.Store(0)
		case "kill":
			n.kill()
		case "start":
			if err := n.start(); err != nil {
				return nil, err
			}
		case "report", "count":
		default:
			return nil, fmt.Errorf("no such order: %q", asked.Do)
		}
		reports = append(reports, report{n.requests.Load(), n.failed.Load(), n.first.Load()})
	}
	return reports, nil
}

func writeCounts(path string, counts []atomic.Uint32) error {
	last := 0
	for i := range counts {
		if counts[i].Load() > 0 {
			last = i + 1
		}
	}
	bytes := make([]byte, last)
	for i := range bytes {
		bytes[i] = byte(min(counts[i].Load(), 255))
	}
	return os.WriteFile(path, bytes, 0o644)
}

func (n *node) start() error {
	listener, err := net.Listen("tcp", n.address)
	if err != nil {
		return err
	}
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.listener, n.conns = listener, map[net.Conn]struct{}{}
	server := &http.Server{Handler: n, ConnState: n.changed}
	go server.Serve(listener) // ends when the listener does
	return nil
}

// kill ends a node as SIGKILL ends a process: the kernel resets its connections.
func (n *node) kill() {
	n.listener.Close()
	n.mutex.Lock()
	defer n.mutex.Unlock()
	for connection := range n.conns {
		if tcp, ok := connection.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		connection.Close()
	}
	n.conns = nil
}

func (n *node) changed(connection net.Conn, state http.ConnState) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	switch {
	case n.conns == nil:
		connection.Close()
	case state == http.StateNew:
		n.conns[connection] = struct{}{}
	case state == http.StateClosed:
		delete(n.conns, connection)
	}
}

func (n *node) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	how := n.how.Load()
	response.Header().Set(headerNode, n.name)
	if strings.HasPrefix(request.URL.Path, "/healthz") {
		return
	}
	n.requests.Add(1)
	if n.first.Load() == 0 {
		n.first.CompareAndSwap(0, time.Now().UnixMicro())
	}
	if id, err := strconv.Atoi(request.Header.Get(headerID)); err == nil && 0 <= id && id < maxRequests {
		n.executed(id)
	}
	if how.FailShare > 0 && rand.Float64() < how.FailShare {
		n.failed.Add(1)
		response.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	milliseconds := how.DelayMilliseconds + rand.Float64()*how.JitterMilliseconds
	select {
	case <-time.After(time.Duration(milliseconds * float64(time.Millisecond))):
		io.WriteString(response, "ok\n")
	case <-request.Context().Done():
	}
}
