// Command bench measures the built program as a process of its own between
// the doubles of Teleport and Slack: processor time, memory, time to ready,
// time from request to message, throughput, and calls per request.
//
//	go run ./scripts/bench -bin bin/teleport-slack
//
// Everything is on loopback and bounded; the process is ended by its ID. The
// numbers belong to the machine that they were taken on.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

func main() {
	bin := flag.String("bin", "bin/teleport-slack", "the program to measure")
	only := flag.String("only", "", "comma-separated parts to run: life, throughput, wide, open (default all)")
	open := flag.String("open", "10000", "comma-separated numbers of open requests for the part \"open\"")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *bin, *only, *open)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, bin, only, open string) error {
	want := func(part string) bool {
		return only == "" || slices.Contains(strings.Split(only, ","), part)
	}
	if info, err := os.Stat(bin); err == nil {
		fmt.Printf("binary: %.1f MB\n", float64(info.Size())/1e6)
	} else {
		return fmt.Errorf("%w (make build makes it)", err)
	}
	var errs []error
	if want("life") {
		errs = append(errs, life(ctx, bin, 200))
	}
	if want("throughput") {
		for _, latency := range []time.Duration{0, 20 * time.Millisecond, 100 * time.Millisecond} {
			errs = append(errs, throughput(ctx, bin, 300, latency))
		}
	}
	if want("wide") {
		errs = append(errs, wide(ctx, bin, 100*time.Millisecond))
	}
	if want("open") {
		for _, n := range strings.Split(open, ",") {
			var count int
			if _, err := fmt.Sscan(n, &count); err != nil {
				return fmt.Errorf("-open %s: %w", n, err)
			}
			errs = append(errs, openRequests(ctx, bin, count))
		}
	}
	return errors.Join(errs...)
}
