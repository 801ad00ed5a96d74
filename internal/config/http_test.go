package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheListenerIsCheckedBeforeItIsOpened(t *testing.T) {
	const pprof = "\npprof = true"
	for _, tt := range []struct {
		section  string
		want     HTTP
		problems []string
		warnings []string
	}{
		{section: ``},
		{section: `listen_addr = ""`},
		{section: `listen_addr = "127.0.0.1:8081"`, want: HTTP{ListenAddr: "127.0.0.1:8081"}},
		{section: `listen_addr = ":8081"`, want: HTTP{ListenAddr: ":8081"}},
		{section: `listen_addr = "[::1]:0"` + pprof, want: HTTP{ListenAddr: "[::1]:0", Pprof: true}},
		{section: `listen_addr = "localhost:1"` + pprof, want: HTTP{ListenAddr: "localhost:1", Pprof: true}},
		{section: `listen_addr = "8081"`, problems: []string{`f:8:1: http.listen_addr: is "8081", expected host:port`}},
		{section: `listen_addr = ":http"`, problems: []string{`f:8:1: http.listen_addr: is ":http", expected a port between 0 and 65535`}},
		{section: `listen_addr = ":65536"` + pprof, problems: []string{`f:8:1: http.listen_addr: is ":65536", expected a port between 0 and 65535`},
			warnings: []string{`f:9:1: http.pprof: exposes the program's memory to everyone who can reach ":65536"`}},
		{section: `listen_addr = 8081`, problems: []string{`f:8:1: http.listen_addr: is the integer 8081, expected a string`}},
		{section: `pprof = true`, want: HTTP{Pprof: true}, warnings: []string{"f:8:1: http.pprof: has no effect without a listener"}},
		{section: `listen_addr = ":8081"` + pprof, want: HTTP{ListenAddr: ":8081", Pprof: true},
			warnings: []string{`f:9:1: http.pprof: exposes the program's memory to everyone who can reach ":8081"`}},
	} {
		got, warnings, err := Parse("f", []byte(sound+"[http]\n"+tt.section), files)
		if diff := cmp.Diff(tt.problems, lines(err)); diff != "" {
			t.Errorf("%s: problems (-want +got):\n%s", tt.section, diff)
		}
		if diff := cmp.Diff(tt.warnings, words(warnings)); diff != "" {
			t.Errorf("%s: warnings (-want +got):\n%s", tt.section, diff)
		}
		if diff := cmp.Diff(tt.want, got.HTTP); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.section, diff)
		}
	}
}
