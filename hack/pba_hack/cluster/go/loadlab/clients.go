package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// load is an open model (requests begin when their time has come, whatever became of those before) or, with clients, a
// closed one: it finds how much is carried, and its latencies say nothing.
type load struct {
	targets      []string
	rate         float64
	duration     time.Duration
	timeout      time.Duration
	clients      int
	posts, first int
	users        users
	seed         int64
	mutex        sync.Mutex
	idle         []*connection
	began        time.Time

	// fresh of 100 requests come with a connection of their own, which ends with them.
	fresh int
	// stop ends the load before its time is over; what is under way is waited for.
	stop <-chan os.Signal
}

// record is what became of a request.
type record struct {
	id        int
	method    string
	due       time.Duration
	took      time.Duration
	status    int
	node      string
	complaint string
	// left is the node that had set the cookies of the request, if another one answered it.
	left string
}

// connection is one to the balancer; a request has it for itself.
type connection struct {
	net    net.Conn
	reader *bufio.Reader
	mutex  sync.Mutex
	// answer takes what is read next; nil while no request is under way.
	answer chan<- answer
	dead   bool
}

type answer struct {
	status  int
	node    string
	cookies []*http.Cookie
	err     error
}

// run sends all requests, and returns when each was answered or given up.
func (l *load) run() []record {
	if l.clients > 0 {
		return l.runClosed()
	}
	count := int(l.rate * l.duration.Seconds())
	records := make([]record, count)
	dice := rand.New(rand.NewSource(l.seed))
	l.begin()
	var under sync.WaitGroup
	for i := range records {
		// Evenly spread, each somewhere within its share of the time: no two clients agree on when to come.
		due := time.Duration((float64(i) + dice.Float64()) / l.rate * float64(time.Second))
		method := http.MethodGet
		if dice.Intn(100) < l.posts {
			method = http.MethodPost
		}
		if !l.await(l.began.Add(due)) {
			records = records[:i]
			break
		}
		under.Add(1)
		go func() {
			defer under.Done()
			records[i] = l.ask(l.first+i, method, due)
		}()
	}
	under.Wait()
	return records
}

// await returns true when the moment has come, false if the load is to end before.
func (l *load) await(moment time.Time) bool {
	select {
	case <-l.stop:
		return false
	case <-time.After(time.Until(moment)):
		return true
	}
}

// begin tells whoever reads our output when that was, in microseconds since 1970.
func (l *load) begin() {
	l.began = time.Now()
	fmt.Println(l.began.UnixMicro())
}

func (l *load) runClosed() []record {
	l.begin()
	found := make([][]record, l.clients)
	var next atomic.Int64
	var under sync.WaitGroup
	for i := range found {
		under.Add(1)
		go func() {
			defer under.Done()
			for due := time.Duration(0); due < l.duration; due = time.Since(l.began) {
				found[i] = append(found[i], l.ask(l.first+int(next.Add(1))-1, http.MethodGet, due))
			}
		}()
	}
	under.Wait()
	return slices.Concat(found...)
}

func (l *load) ask(id int, method string, due time.Duration) record {
	found := record{id: id, method: method, due: due}
	headers, bound := l.users.header(id)
	got, err := l.exchange(id, request(id, method, headers))
	found.took = time.Since(l.began) - due
	if err != nil {
		found.complaint = complaint(err)
		return found
	}
	l.users.take(id, got)
	found.status, found.node = got.status, got.node
	if bound != "" && got.node != "" && got.node != bound {
		found.left = bound
	}
	return found
}

func (l *load) exchange(id int, request []byte) (answer, error) {
	fresh := l.isFresh(id)
	for {
		c, err := l.connect(fresh)
		if err != nil {
			return answer{}, err
		}
		got, sent := c.exchange(request, l.timeout)
		if !sent {
			continue // its server had closed it before anything was written: nothing was sent
		}
		if got.err == nil && !fresh && c.isAlive() {
			l.mutex.Lock()
			l.idle = append(l.idle, c)
			l.mutex.Unlock()
		} else {
			c.net.Close()
		}
		return got, got.err
	}
}

func request(id int, method, headers string) []byte {
	if method == http.MethodPost {
		headers += "Content-Length: 0\r\n"
	}
	return fmt.Appendf(nil, "%s / HTTP/1.1\r\nHost: bench\r\n%s: %d\r\n%s\r\n", method, headerID, id, headers)
}

// isFresh tells whether a request comes with a connection of its own: so do as many of each hundred as are wanted, evenly.
func (l *load) isFresh(id int) bool {
	return id*l.fresh%100 < l.fresh
}

// connect returns a connection that was kept, or a new one.
func (l *load) connect(fresh bool) (*connection, error) {
	l.mutex.Lock()
	if last := len(l.idle) - 1; last >= 0 && !fresh {
		c := l.idle[last]
		l.idle = l.idle[:last]
		l.mutex.Unlock()
		return c, nil
	}
	l.mutex.Unlock()
	// Any of them by chance, as a Service of Kubernetes would have it.
	opened, err := net.DialTimeout("tcp", l.targets[rand.Intn(len(l.targets))], l.timeout)
	if err != nil {
		return nil, err
	}
	c := &connection{net: opened, reader: bufio.NewReader(opened)}
	go c.read()
	return c, nil
}

// exchange sends a request and waits for its answer; sent is false if the connection was closed before.
func (c *connection) exchange(request []byte, timeout time.Duration) (got answer, sent bool) {
	channel := make(chan answer, 1)
	c.mutex.Lock()
	if c.dead {
		c.mutex.Unlock()
		return answer{}, false
	}
	c.answer = channel
	c.mutex.Unlock()
	c.net.SetReadDeadline(time.Now().Add(timeout))
	if _, err := c.net.Write(request); err != nil {
		return answer{err: err}, true
	}
	return <-channel, true
}

func (c *connection) isAlive() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return !c.dead
}

// read takes in answers until the connection ends, also while nobody waits for one.
func (c *connection) read() {
	for {
		_, err := c.reader.Peek(1)
		c.mutex.Lock()
		waiting := c.answer
		c.answer = nil
		if waiting == nil {
			c.dead = true
			c.mutex.Unlock()
			c.net.Close()
			return
		}
		c.mutex.Unlock()
		got, more := answer{err: err}, false
		if err == nil {
			got, more = c.parse()
		}
		if !more {
			c.mutex.Lock()
			c.dead = true
			c.mutex.Unlock()
		} else {
			c.net.SetReadDeadline(time.Time{})
		}
		waiting <- got
		if !more {
			return
		}
	}
}

func (c *connection) parse() (got answer, more bool) {
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return answer{err: err}, false
	}
	_, err = io.Copy(io.Discard, response.Body)
	got = answer{response.StatusCode, response.Header.Get(headerNode), response.Cookies(), err}
	return got, err == nil && !response.Close
}

func complaint(err error) string {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed"
	default:
		return "refused or reset"
	}
}

// write writes records as CSV: number, method, due and took in microseconds, status (0: none), node, complaint,
// node left.
func write(file io.Writer, records []record) error {
	out := bufio.NewWriter(file)
	for _, r := range records {
		fmt.Fprintf(out, "%d,%s,%d,%d,%d,%s,%s,%s\n",
			r.id, r.method, r.due.Microseconds(), r.took.Microseconds(), r.status, r.node, r.complaint, r.left)
	}
	return out.Flush()
}
