package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReport(t *testing.T) {
	const p = "example.com/p"
	for _, tt := range []struct {
		name   string
		events []event
		want   counts
		prints string
	}{
		{
			name: "a package whose tests pass says one line",
			events: []event{
				{Action: "run", Package: p, Test: "TestA"},
				{Action: "output", Package: p, Test: "TestA", Output: "=== RUN TestA\n"},
				{Action: "pass", Package: p, Test: "TestA"},
				{Action: "output", Package: p, Output: "PASS\n"},
				{Action: "output", Package: p, Output: "ok  \texample.com/p\t0.1s\n"},
				{Action: "pass", Package: p},
			},
			want:   counts{Passed: 1},
			prints: "ok  \texample.com/p\t0.1s\n",
		},
		{
			name: "a table counts its rows",
			events: []event{
				{Action: "run", Package: p, Test: "TestA"},
				{Action: "run", Package: p, Test: "TestA/one"},
				{Action: "run", Package: p, Test: "TestA/two"},
				{Action: "run", Package: p, Test: "TestA/three"},
				{Action: "output", Package: p, Test: "TestA/two", Output: "two is wrong\n"},
				{Action: "pass", Package: p, Test: "TestA/one"},
				{Action: "fail", Package: p, Test: "TestA/two"},
				{Action: "skip", Package: p, Test: "TestA/three"},
				{Action: "fail", Package: p, Test: "TestA"},
				{Action: "fail", Package: p},
			},
			want:   counts{Passed: 1, Failed: 1, Skipped: 1, failures: []string{p + " TestA/two"}},
			prints: "two is wrong\n",
		},
		{
			name: "a group that fails by itself is a failure",
			events: []event{
				{Action: "run", Package: p, Test: "TestA"},
				{Action: "run", Package: p, Test: "TestA/one"},
				{Action: "pass", Package: p, Test: "TestA/one"},
				{Action: "output", Package: p, Test: "TestA", Output: "left something behind\n"},
				{Action: "fail", Package: p, Test: "TestA"},
				{Action: "fail", Package: p},
			},
			want:   counts{Passed: 1, Failed: 1, failures: []string{p + " TestA"}},
			prints: "left something behind\n",
		},
		{
			name: "a test that never ended is a failure",
			events: []event{
				{Action: "run", Package: p, Test: "TestA"},
				{Action: "output", Package: p, Test: "TestA", Output: "panic: no\n"},
				{Action: "fail", Package: p},
			},
			want:   counts{Failed: 1, failures: []string{p + " TestA"}},
			prints: "panic: no\n",
		},
		{
			name: "a package that doesn't build is a failure",
			events: []event{
				{Action: "build-output", Output: "p.go:1:1: syntax error\n"},
				{Action: "build-fail"},
				{Action: "output", Package: p, Output: "FAIL\texample.com/p [build failed]\n"},
				{Action: "fail", Package: p},
			},
			want:   counts{Failed: 1, failures: []string{p}},
			prints: "p.go:1:1: syntax error\nFAIL\texample.com/p [build failed]\n",
		},
		{
			name: "a package without tests counts nothing",
			events: []event{
				{Action: "output", Package: p, Output: "?   \texample.com/p\t[no test files]\n"},
				{Action: "skip", Package: p},
			},
			prints: "?   \texample.com/p\t[no test files]\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var in, out strings.Builder
			enc := json.NewEncoder(&in)
			for _, e := range tt.events {
				if err := enc.Encode(e); err != nil {
					t.Fatal(err)
				}
			}
			got, err := report(strings.NewReader(in.String()), &out)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(counts{})); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.prints, out.String()); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReportPassesOnWhatIsNoEvent(t *testing.T) {
	var out strings.Builder
	got, err := report(strings.NewReader("go: no such module\n"), &out)
	if err != nil {
		t.Fatal(err)
	}
	if got.Passed+got.Failed+got.Skipped != 0 || out.String() != "go: no such module\n" {
		t.Errorf("got %v and %q", got, out.String())
	}
}
