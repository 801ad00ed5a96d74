package reminder

import (
	"log/slog"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
)

// maxTroubles bounds what is remembered; past it, old troubles are forgotten
// and may be heard again.
const maxTroubles = 10_000

// troubles logs what goes wrong when it starts and when it changes, and not
// every few hours. It belongs to one goroutine.
type troubles struct {
	log  *slog.Logger
	open map[string]string // subject → what is wrong
}

// news says that this is not known to be wrong with the subject, and remembers it.
func (t *troubles) news(subject, what string) bool {
	if t.open[subject] == what {
		return false
	}
	if len(t.open) >= maxTroubles {
		clear(t.open)
	}
	t.open[subject] = what
	return true
}

// report logs that something is wrong with the subject, unless that is known.
func (t *troubles) report(subject, msg string, err error, attrs ...any) {
	reason := err.Error()
	if f, ok := fault.As(err); ok && f.Reason != "" {
		reason = f.Reason // the rest may differ each time, such as a port
	}
	if !t.news(subject, msg+reason) {
		return
	}
	attrs = append(attrs, slog.String(logkey.Error, err.Error()))
	if h := fault.Hint(err); h != "" {
		attrs = append(attrs, slog.String(logkey.Hint, h))
	}
	t.log.Warn(msg, attrs...)
}

// settle notes that nothing is wrong with the subject, and returns whether
// something was.
func (t *troubles) settle(subject string) bool {
	_, was := t.open[subject]
	delete(t.open, subject)
	return was
}
