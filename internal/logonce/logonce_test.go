package logonce_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logonce"
)

const recipient logonce.Kind = "recipient"

func TestAProblemIsLoggedWhenItStartsChangesAndEnds(t *testing.T) {
	refused := func(reason, port string) error {
		return &fault.Error{Op: "dial :" + port, Class: fault.Retry, Reason: reason, Hint: "look at the network"}
	}
	type call func(l *logonce.Logger) bool
	problem := func(name, msg string, err error) call {
		return func(l *logonce.Logger) bool {
			return l.Problem(slog.LevelWarn, logonce.Key{Kind: recipient, Name: name}, msg, err)
		}
	}
	clear := func(name string) call {
		return func(l *logonce.Logger) bool { return l.Clear(logonce.Key{Kind: recipient, Name: name}) }
	}
	recovered := func(l *logonce.Logger) bool {
		return l.Recovered(logonce.Key{Kind: recipient, Name: "a"}, "it works again")
	}
	reset := func(l *logonce.Logger) bool { l.Reset(); return false }

	var out bytes.Buffer
	l := logonce.New(slog.New(slog.NewTextHandler(&out, nil)))
	for i, step := range []struct {
		do   call
		want bool   // what the call reports
		line string // part of what is logged; empty for nothing
	}{
		{problem("a", "no answer", refused("unavailable", "1")), true, "hint=\"look at the network\""},
		{problem("a", "no answer", refused("unavailable", "2")), false, ""},
		{problem("b", "no answer", refused("unavailable", "2")), true, "level=WARN msg=\"no answer\""},
		{problem("a", "no answer", refused("denied", "2")), true, "denied"},
		{problem("a", "no word", refused("denied", "2")), true, "no word"},
		{recovered, true, "msg=\"it works again\" elapsed="},
		{recovered, false, ""},
		{problem("a", "no word", errors.New("x")), true, "error=x"},
		{clear("a"), true, ""},
		{clear("a"), false, ""},
		{problem("b", "no answer", refused("unavailable", "3")), false, ""},
		{reset, false, ""},
		{problem("b", "no answer", refused("unavailable", "3")), true, "no answer"},
	} {
		out.Reset()
		if got := step.do(l); got != step.want {
			t.Errorf("step %d: reports %v, want %v", i, got, step.want)
		}
		if got := out.String(); (got == "") != (step.line == "") || !strings.Contains(got, step.line) {
			t.Errorf("step %d: logged %q, want %q in it", i, got, step.line)
		}
	}
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	l := logonce.New(slog.New(slog.DiscardHandler))
	for i := range 3 * logonce.MaxKeys {
		l.Changed(logonce.Key{Kind: recipient, Name: fmt.Sprint(i)}, "x")
	}
	if n := l.Len(); n == 0 || n > logonce.MaxKeys {
		t.Errorf("%d keys are remembered", n)
	}
}

func TestRounded(t *testing.T) {
	for d, want := range map[time.Duration]string{
		550506332 * time.Nanosecond:                    "551ms",
		90*time.Second + 1:                             "1m30s",
		26*time.Hour + 10*time.Minute + 40*time.Second: "26h11m",
		75 * time.Hour:                                 "3 days",
	} {
		if got := logonce.Rounded(d); got != want {
			t.Errorf("Rounded(%v) = %q, want %q", d, got, want)
		}
	}
}
