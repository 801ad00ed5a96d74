package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"runtime/pprof"
	"runtime/trace"
	"slices"
	"strconv"
	"time"
)

// The profiler, with the addresses and parameters that "go tool pprof" and
// "go tool trace" expect. net/http/pprof would do the same, but puts itself
// into http.DefaultServeMux too and brings what it takes to compare profiles.

const (
	defaultProfile = 30 * time.Second
	maxProfile     = writeTimeout - 10*time.Second
)

// profiles answers /debug/pprof/.
func profiles(w http.ResponseWriter, _ *http.Request) {
	names := []string{"profile?seconds=30", "trace?seconds=1"}
	for _, p := range pprof.Profiles() {
		names = append(names, p.Name())
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(w, "/debug/pprof/%s\n", name)
	}
}

// profile answers /debug/pprof/NAME. With debug=1 it is text for people.
func profile(w http.ResponseWriter, r *http.Request) {
	p := pprof.Lookup(r.PathValue("name"))
	if p == nil {
		http.Error(w, "there is no such profile", http.StatusNotFound)
		return
	}
	debug, _ := strconv.Atoi(r.FormValue("debug")) // anything else is 0, the binary form
	if debug == 0 {
		binary(w, p.Name())
	}
	_ = p.WriteTo(w, debug) // fails if the client is gone
}

// cpuProfile answers /debug/pprof/profile.
func cpuProfile(w http.ResponseWriter, r *http.Request) {
	binary(w, "profile")
	if err := pprof.StartCPUProfile(w); err != nil {
		busy(w, err)
		return
	}
	defer pprof.StopCPUProfile()
	record(r, defaultProfile)
}

// executionTrace answers /debug/pprof/trace.
func executionTrace(w http.ResponseWriter, r *http.Request) {
	binary(w, "trace")
	if err := trace.Start(w); err != nil {
		busy(w, err)
		return
	}
	defer trace.Stop()
	record(r, time.Second)
}

// record waits for the requested time, or until the client is gone.
func record(r *http.Request, otherwise time.Duration) {
	d := otherwise
	if s, err := strconv.ParseFloat(r.FormValue("seconds"), 64); err == nil && s > 0 && s <= maxProfile.Seconds() {
		d = time.Duration(s * float64(time.Second))
	}
	ctx, cancel := context.WithTimeout(r.Context(), d)
	defer cancel()
	<-ctx.Done()
}

func binary(w http.ResponseWriter, name string) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
}

// busy responds that a profile is already being taken: there can be one at a time.
func busy(w http.ResponseWriter, err error) {
	w.Header().Del("Content-Disposition")
	http.Error(w, err.Error(), http.StatusConflict)
}
