package main

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// life takes requests through their whole life, each with two recipients and
// its requester: message, review, resolution.
func life(ctx context.Context, bin string, n int) error {
	w, err := newWorld(ctx, bin)
	if err != nil {
		return err
	}
	defer w.close()
	ready, err := w.start(ctx)
	if err != nil {
		return err
	}
	idle := w.usage()
	ids, err := w.create(n)
	if err != nil {
		return err
	}
	if err := w.wait(ctx, "all messages", func() bool { return w.count(topLevel) == 3*n }); err != nil {
		return err
	}
	posted := w.usage()
	for _, id := range ids {
		if _, err := w.teleport.Review(id, "bob@example.com", types.RequestState_APPROVED, "fine"); err != nil {
			return err
		}
	}
	settled := func() bool {
		for _, id := range ids {
			if w.teleport.PluginData(id)["resolution"] != "APPROVED" {
				return false
			}
		}
		return w.count(reply) == 4*n // a review in each thread, and the outcome for the requester
	}
	if err := w.wait(ctx, "all resolutions", settled); err != nil {
		return err
	}
	end := w.usage()
	changes := float64(3*n + 3*n + 4*n) // messages, edits, replies
	calls, slackCalls := w.teleport.Calls(), w.slack.CallCounts()
	fmt.Printf("\nlife of %d requests with 2 recipients and their requester (3 messages, 3 edits, 3 reactions, 4 replies each)\n", n)
	fmt.Printf("  start to ready:          %v\n", ready.Round(time.Millisecond))
	fmt.Printf("  request to message:      %s\n", w.latencies(ids))
	fmt.Printf("  processor time:          %v for the messages alone, %v for the whole life (%v for the start)\n",
		(posted.cpu - idle.cpu).Round(10*time.Millisecond), (end.cpu - idle.cpu).Round(10*time.Millisecond), idle.cpu.Round(10*time.Millisecond))
	fmt.Printf("  resident memory:         %.0f MiB when ready, %.0f MiB at its highest\n", idle.peakMiB, end.peakMiB)
	fmt.Printf("  calls to Teleport:       %.2f writes and %.2f reads a message change\n",
		float64(calls["UpdatePluginData"])/changes,
		float64(calls["GetPluginData"]+calls["GetAccessRequestsV2"]+calls["ListAccessRequests"])/changes)
	fmt.Printf("  look-ups in Slack:       %d by email, for %d requests\n", slackCalls["users.lookupByEmail"], n)
	return nil
}

// throughput posts a burst of requests to a Slack that takes its time.
func throughput(ctx context.Context, bin string, n int, latency time.Duration) error {
	w, err := newWorld(ctx, bin)
	if err != nil {
		return err
	}
	defer w.close()
	if _, err := w.start(ctx); err != nil {
		return err
	}
	if latency > 0 {
		w.slack.Inject(slacktest.Fault{Latency: latency})
	}
	begin := time.Now()
	if _, err := w.create(n); err != nil {
		return err
	}
	if err := w.wait(ctx, "all messages", func() bool { return w.count(topLevel) == 3*n }); err != nil {
		return err
	}
	took := time.Since(begin)
	fmt.Printf("\nburst of %d requests, Slack takes %v a call\n", n, latency)
	fmt.Printf("  %.0f requests/s, %.0f posts/s\n", float64(n)/took.Seconds(), 3*float64(n)/took.Seconds())
	return nil
}

// openRequests measures memory with many undecided requests, after their
// messages were posted and after a restart that finds them settled.
func openRequests(ctx context.Context, bin string, n int) error {
	w, err := newWorld(ctx, bin)
	if err != nil {
		return err
	}
	defer w.close()
	if _, err := w.create(n); err != nil {
		return err
	}
	begin := time.Now()
	if _, err := w.start(ctx); err != nil {
		return err
	}
	if err := w.wait(ctx, "all messages", func() bool { return w.count(topLevel) == 3*n }); err != nil {
		return err
	}
	took := time.Since(begin)
	first := w.usage()
	w.stop()
	reads := w.teleport.Calls()["GetPluginData"]
	begin = time.Now()
	if _, err := w.start(ctx); err != nil {
		return err
	}
	if err := w.wait(ctx, "the restart looks at everything", func() bool { return w.teleport.Calls()["GetPluginData"] >= reads+n }); err != nil {
		return err
	}
	again := time.Since(begin)
	second := w.usage()
	fmt.Printf("\n%d open requests\n", n)
	fmt.Printf("  first start:  %v for %d messages, %.0f MiB at its highest, %v of processor time\n",
		took.Round(100*time.Millisecond), 3*n, first.peakMiB, first.cpu.Round(100*time.Millisecond))
	fmt.Printf("  restart:      %v to look at all, %.0f MiB at its highest, %v of processor time\n",
		again.Round(100*time.Millisecond), second.peakMiB, second.cpu.Round(100*time.Millisecond))
	return nil
}

// latencies summarises the time from each request to its first message.
func (w *world) latencies(ids []string) string {
	created := map[string]time.Time{}
	for _, r := range w.teleport.Requests() {
		created[r.GetName()] = r.GetCreationTime()
	}
	first := map[string]time.Duration{}
	for _, m := range w.slack.AllMessages() {
		id := requestOf(m)
		if t, ok := created[id]; ok {
			if d, have := first[id]; !have || m.PostedAt.Sub(t) < d {
				first[id] = m.PostedAt.Sub(t)
			}
		}
	}
	var ds []time.Duration
	for _, id := range ids {
		ds = append(ds, first[id])
	}
	sort.Slice(ds, func(i, j int) bool { return ds[i] < ds[j] })
	if len(ds) == 0 {
		return "none"
	}
	at := func(q float64) time.Duration {
		return ds[min(int(q*float64(len(ds))), len(ds)-1)].Round(100 * time.Microsecond)
	}
	return fmt.Sprintf("%v for the first, median %v, 95%% %v, in a burst of %d", slices.Min(ds).Round(100*time.Microsecond), at(0.5), at(0.95), len(ds))
}
