package notify

import (
	"log/slog"
	"sync"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/message/template"
)

// maxComplaints bounds what is remembered; past it, old complaints are
// forgotten and may be heard again.
const maxComplaints = 10_000

// complaints logs what goes wrong when it starts, when it changes and when it
// ends, and not each time in between.
type complaints struct {
	log  *slog.Logger
	mu   sync.Mutex
	open map[string]string // subject → what is wrong
}

func newComplaints(log *slog.Logger) *complaints {
	return &complaints{log: log, open: map[string]string{}}
}

// report logs that something is wrong with the subject, unless that is known.
func (c *complaints) report(subject, msg string, err error, attrs ...any) {
	reason := err.Error()
	if f, ok := fault.As(err); ok && f.Reason != "" {
		reason = f.Reason // the rest may differ each time, such as a port
	}
	c.mu.Lock()
	known := c.open[subject] == msg+reason
	if !known {
		if len(c.open) >= maxComplaints {
			clear(c.open)
		}
		c.open[subject] = msg + reason
	}
	c.mu.Unlock()
	if known {
		return
	}
	attrs = append(attrs, slog.String(logkey.Error, err.Error()))
	if h := fault.Hint(err); h != "" {
		attrs = append(attrs, slog.String(logkey.Hint, h))
	}
	c.log.Warn(msg, attrs...)
}

// reportTemplates says once which templates could not be used and why.
func (n *Notifier) reportTemplates(failed []*template.Error) {
	for _, f := range failed {
		n.complaints.report("template "+f.Name, "a template failed for a request; the built-in text stands in its place", f,
			slog.String(logkey.Template, f.Name))
	}
}

// news notes what is so about the subject, and returns whether it was not
// known.
func (c *complaints) news(subject, what string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[subject] == what {
		return false
	}
	if len(c.open) >= maxComplaints {
		clear(c.open)
	}
	c.open[subject] = what
	return true
}

// settle notes that nothing is wrong with the subject, and returns whether
// something was.
func (c *complaints) settle(subject string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, was := c.open[subject]
	delete(c.open, subject)
	return was
}

// forget drops every complaint, so that what is still wrong is said again.
func (c *complaints) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.open)
}
