// Command loadlab is both ends of a load bench: "loadlab nodes" are the servers behind a balancer, "loadlab clients" are
// its users. "loadlab application" is one such server as a container, and tells "loadlab tally" what it executes, so that
// this is known of those that are gone, too.
//
// Each request has a number, which both ends count: what was sent, what was answered, and what was executed how often can
// be compared afterwards. Nothing is ever sent twice here.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
)

const (
	headerID   = "X-Load-Id"
	headerNode = "X-Load-Node"
)

func main() {
	log.SetFlags(0)
	// Garbage is collected seldom: a pause of ours would be taken for one of the balancer's.
	debug.SetGCPercent(800)
	if len(os.Args) < 2 {
		log.Fatal("usage: loadlab nodes|clients|application|tally [flags]")
	}
	switch os.Args[1] {
	case "nodes":
		runNodes(os.Args[2:])
	case "clients":
		runClients(os.Args[2:])
	case "application":
		runApplication(os.Args[2:])
	case "tally":
		runTally(os.Args[2:])
	default:
		log.Fatalf("loadlab: no command %q: choose nodes, clients, application or tally", os.Args[1])
	}
}

func runNodes(arguments []string) {
	flags := flag.NewFlagSet("nodes", flag.ExitOnError)
	addresses := flags.String("listen", "", "addresses, one for each node, with commas between them")
	executed := flags.String("executed", "", "file for how often each request was executed: one byte for each number")
	check(flags.Parse(arguments))
	check(serve(strings.Split(*addresses, ","), *executed, os.Stdin, os.Stdout))
}

func runClients(arguments []string) {
	flags := flag.NewFlagSet("clients", flag.ExitOnError)
	load := load{}
	targets := flags.String("target", "", "addresses of balancers, with commas between them; each connection is to one by chance")
	flags.Float64Var(&load.rate, "rate", 0, "requests a second, however long the answers take")
	flags.IntVar(&load.clients, "clients", 0, "instead of a rate: so many clients ask again as soon as they are answered")
	flags.DurationVar(&load.duration, "duration", time.Second, "for how long")
	flags.DurationVar(&load.timeout, "timeout", 10*time.Second, "for one answer")
	flags.IntVar(&load.posts, "posts", 0, "of 100 requests so many are POSTs")
	count := flags.Int("users", 0, "the requests are those of so many users, in turn, who keep their cookies; 0: nobody keeps any")
	flags.IntVar(&load.first, "first", 0, "number of the first request")
	flags.Int64Var(&load.seed, "seed", 1, "of the moments of the requests")
	records := flags.String("records", "", "file for the record of each request (CSV)")
	flags.IntVar(&load.fresh, "fresh", 0, "of 100 requests so many come with a connection of their own")
	check(flags.Parse(arguments))
	load.targets = strings.Split(*targets, ",")
	load.users = make(users, *count)
	file, err := os.Create(*records)
	check(err)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	load.stop = stop
	check(write(file, load.run()))
	check(file.Close())
}

func runApplication(arguments []string) {
	flags := flag.NewFlagSet("application", flag.ExitOnError)
	how := behaviour{}
	address := flags.String("listen", ":8080", "where it serves")
	tally := flags.String("tally", "", "address of the tally")
	flags.Float64Var(&how.DelayMilliseconds, "delay-ms", 0, "how long an answer takes")
	flags.Float64Var(&how.JitterMilliseconds, "jitter-ms", 0, "is added to it, at most, by chance")
	check(flags.Parse(arguments))
	check(apply(*address, *tally, how))
}

func runTally(arguments []string) {
	flags := flag.NewFlagSet("tally", flag.ExitOnError)
	address := flags.String("listen", "", "where applications tell it what they execute")
	executed := flags.String("executed", "", "file for how often each request was executed: one byte for each number")
	check(flags.Parse(arguments))
	check(keepTally(*address, *executed, os.Stdin, os.Stdout))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "loadlab:", err)
		os.Exit(1)
	}
}
