package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/teleport-slack/teleport-slack/internal/logkey"
)

// warningHandler prints log lines as warnings on the terminal: the problem on
// one line, the hint on another.
type warningHandler struct {
	w     io.Writer
	attrs []slog.Attr
}

// Enabled reports whether the level is warning or above.
func (h warningHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

// Handle prints one line.
func (h warningHandler) Handle(_ context.Context, r slog.Record) error {
	cause, hint := "", ""
	var rest []string
	look := func(a slog.Attr) bool {
		switch a.Key {
		case logkey.Error:
			cause = ": " + a.Value.String()
		case logkey.Hint:
			hint = a.Value.String()
		default:
			rest = append(rest, a.Key+" "+a.Value.String())
		}
		return true
	}
	for _, a := range h.attrs {
		look(a)
	}
	r.Attrs(look)
	about := ""
	if len(rest) > 0 {
		about = " (" + strings.Join(rest, ", ") + ")"
	}
	_, err := fmt.Fprintf(h.w, "%s: warning: %s\n", program, oneLine(r.Message+about+cause))
	if err == nil && hint != "" {
		_, err = fmt.Fprintf(h.w, "%s: hint: %s\n", program, oneLine(hint))
	}
	return err
}

// WithAttrs returns a handler that also prints these attributes.
func (h warningHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.attrs = append(append([]slog.Attr{}, h.attrs...), attrs...)
	return h
}

// WithGroup ignores groups, which this program does not use.
func (h warningHandler) WithGroup(string) slog.Handler { return h }
