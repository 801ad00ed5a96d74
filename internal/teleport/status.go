package teleport

import (
	"slices"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// Call is one call to Teleport, for metrics.
type Call struct {
	Took time.Duration
	Err  error // nil if Teleport answered
}

// Status is the state of the connection.
type Status struct {
	Connected bool
	Watching  bool
	Cluster   access.Cluster // of the connection, or the last one
	Err       error          // why there is no connection or no watch, if that is known
	Expires   time.Time      // when the credentials end
	Source    string         // the file that a person would replace

	// ExpiresSoon reports whether the log has warned that the credentials expire.
	ExpiresSoon bool
}

// Status returns the current state, without a call to Teleport.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Status{
		Connected: c.current != nil, Watching: c.current != nil && c.watching,
		Cluster: c.cluster, Expires: c.creds.notAfter, Source: c.creds.source,
	}
	if !s.Watching {
		s.Err = c.watchErr
	}
	warned := warnings(c.creds.notBefore, c.creds.notAfter, c.refresh > 0)
	s.ExpiresSoon = expiryStateAt(time.Now(), c.creds.notAfter, warned).warnings > 0
	return s
}

// watchBegan notes that the watch began.
func (c *Client) watchBegan() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watching, c.watchErr = true, nil
}

// watchLost notes why there is no watch.
func (c *Client) watchLost(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watching, c.watchErr = false, err
}

// Reasons returns every reason that calls of this package fail for, sorted:
// the values of a metric's label.
func Reasons() []string {
	all := []string{
		"certificate_expired", "certificate_refused", "unknown_authority",
		"credentials_missing", "credentials_unreadable", "credentials_unusable", tooNew,
		"other_cluster", "unknown_kind", "resource_not_seen", "too_many_resources",
	}
	for _, r := range reasons {
		all = append(all, r)
	}
	for _, c := range networkCauses {
		all = append(all, c.reason)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
