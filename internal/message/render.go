package message

import "github.com/teleport-slack/teleport-slack/internal/access"

// Renderer turns requests into messages. It is a value without state: the
// same arguments give the same bytes.
type Renderer struct {
	Cluster access.Cluster // where requests come from and where links lead
}

// Request returns the message about req that is posted once and updated at
// every change.
func (r Renderer) Request(req access.Request, d access.Details, to access.Audience) Message {
	return r.Minimal(req, to)
}

// Review returns the thread reply that tells of req.Reviews[i], which has to
// exist. It is plain text without blocks.
func (r Renderer) Review(req access.Request, i int, to access.Audience) Message {
	return Message{Text: req.Reviews[i].State.String()}
}

// Final returns the thread reply that tells how req ended.
func (r Renderer) Final(req access.Request, to access.Audience) Message {
	return r.Minimal(req, to)
}

// Minimal returns one short line of plain text, for when Slack refuses the
// blocks of Request.
func (r Renderer) Minimal(req access.Request, to access.Audience) Message {
	return Message{Text: req.State.String()}
}
