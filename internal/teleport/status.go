package teleport

import (
	"slices"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// Call is one call to Teleport, for whoever counts them.
type Call struct {
	Took time.Duration
	Err  error // nil if Teleport answered
}

// Status is how the connection stands at the moment.
type Status struct {
	Connected bool
	Watching  bool
	Cluster   access.Cluster // of the connection, or the last one
	Err       error          // why there is no connection or no watch, if that is known
	Expires   time.Time      // when the credentials end
	Source    string         // the file that a person would replace

	// ExpiresSoon says that the credentials are so near their end that the log
	// has warned of it.
	ExpiresSoon bool
}

// Status returns it. It asks nobody.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Status{
		Connected: c.current != nil, Watching: c.current != nil && c.watching,
		Cluster: c.cluster, Expires: c.creds.notAfter, Source: c.creds.source,
	}
	if !s.Watching {
		s.Err = c.why
	}
	warned := warnings(c.creds.notBefore, c.creds.notAfter, c.refresh > 0)
	s.ExpiresSoon = stand(time.Now(), c.creds.notAfter, warned).due > 0
	return s
}

// watches notes that the watch began.
func (c *Client) watches() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watching, c.why = true, nil
}

// lacks notes why there is no watch, or no connection to have one on.
func (c *Client) lacks(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watching, c.why = false, err
}

// Reasons returns every reason that calls of this package fail for, sorted:
// the values of a metric's label.
func Reasons() []string {
	all := []string{
		"certificate_expired", "certificate_refused", "unknown_authority",
		"credentials_missing", "credentials_unreadable", "credentials_unusable",
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
