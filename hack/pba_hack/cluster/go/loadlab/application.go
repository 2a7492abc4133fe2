package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	// patience is how long the tally is waited for at the start, and a request that is under way at the end.
	patience = time.Minute
	pause    = 200 * time.Millisecond
)

// apply serves as one node, named after its machine, until it is told to end (SIGTERM); then it finishes what it has begun.
//
// It never executes what is not counted: it serves only when the tally takes what it says, and ends when that cannot be
// told any more.
func apply(address, tally string, how behaviour) error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	told, err := dial(tally)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(told, name); err != nil {
		return err
	}
	served := &node{name: name, executed: func(id int) {
		// Before the answer: what was answered was told.
		if _, err := fmt.Fprintln(told, id); err != nil {
			check(fmt.Errorf("the tally is gone: %w", err))
		}
	}}
	served.how.Store(&how)
	server := &http.Server{Addr: address, Handler: served}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	select {
	case err := <-ended:
		return err
	case <-stop:
	}
	within, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return server.Shutdown(within)
}

// dial connects to the tally, which may begin later than we do.
func dial(tally string) (net.Conn, error) {
	for began := time.Now(); ; time.Sleep(pause) {
		connection, err := net.DialTimeout("tcp", tally, time.Second)
		if err == nil || time.Since(began) > patience {
			return connection, err
		}
	}
}
