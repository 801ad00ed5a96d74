package telemetry

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/teleport-slack/teleport-slack/internal/logkey"
)

func TestOutputNames(t *testing.T) {
	for output, want := range map[string]string{
		"stderr": "stderr", "error": "stderr", "2": "stderr",
		"stdout": "stdout", "out": "stdout", "1": "stdout", "": "stdout",
	} {
		var stderr, stdout bytes.Buffer
		log, closeLog, err := NewLogger(LogOptions{Output: output, Stderr: &stderr, Stdout: &stdout})
		if err != nil {
			t.Fatal(err)
		}
		log.Info("hello")
		if err := closeLog(); err != nil {
			t.Error(err)
		}
		got := map[bool]string{true: "stderr", false: "stdout"}[stderr.Len() > 0]
		if got != want || stderr.Len() > 0 == (stdout.Len() > 0) {
			t.Errorf("%q goes to %s, want %s", output, got, want)
		}
	}
}

func TestALogFileIsAppendedTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for _, line := range []string{"first run", "second run"} {
		log, closeLog, err := NewLogger(LogOptions{Output: path})
		if err != nil {
			t.Fatal(err)
		}
		log.Info(line)
		if err := closeLog(); err != nil {
			t.Error(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "first run") || !strings.Contains(string(text), "second run") {
		t.Errorf("log:\n%s", text)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode&^0o640 != 0 {
		t.Errorf("mode %o, want at most 640", mode)
	}
}

func TestALogFileThatCannotBeOpenedIsAnError(t *testing.T) {
	_, _, err := NewLogger(LogOptions{Output: filepath.Join(t.TempDir(), "nowhere", "log")})
	if err == nil || !strings.HasPrefix(err.Error(), "open log file: ") {
		t.Errorf("error: %v", err)
	}
}

func TestSeverity(t *testing.T) {
	tests := []struct {
		severity slog.Level
		debug    bool
		want     string
	}{
		{slog.LevelDebug, false, "debug info warn error"},
		{slog.LevelInfo, false, "info warn error"},
		{slog.LevelWarn, false, "warn error"},
		{slog.LevelError, false, "error"},
		{slog.LevelError, true, "debug info warn error"},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		log, _, err := NewLogger(LogOptions{Severity: tt.severity, Debug: tt.debug, JSON: true, Stdout: &out})
		if err != nil {
			t.Fatal(err)
		}
		log.Debug("debug")
		log.Info("info")
		log.Warn("warn")
		log.Error("error")
		var got []string
		for line := range bytes.Lines(out.Bytes()) {
			var entry struct{ Msg string }
			if err := json.Unmarshal(line, &entry); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			got = append(got, entry.Msg)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%v, debug %v: %q, want %q", tt.severity, tt.debug, got, tt.want)
		}
	}
}

func TestTextLinesStayOneLine(t *testing.T) {
	var out bytes.Buffer
	log, _, err := NewLogger(LogOptions{Stdout: &out})
	if err != nil {
		t.Fatal(err)
	}
	log.Info("x", logkey.RequestID, "a\nlevel=ERROR msg=forged")
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("%d lines:\n%s", n, out.String())
	}
}
