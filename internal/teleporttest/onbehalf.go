package teleporttest

import (
	"slices"
	"strings"

	"github.com/gravitational/teleport/api/types"
	"github.com/gravitational/trace"
	"google.golang.org/protobuf/encoding/protowire"
)

// Reviews on behalf of another user exist from 18.11 on. The api module that
// this is built with has no names for their fields in types.AccessReview, which
// it keeps as they came.
const (
	submittedByField protowire.Number = 11 // string
	onBehalfField    protowire.Number = 12 // bool
)

// SubmitForUsers gives or takes a role's right to submit reviews for others, as
// allow.review_requests.submit_for_users and its deny side do. "*" is
// everybody; deny is stronger. Without it no role has the right.
func (s *Server) SubmitForUsers(role string, allow, deny []string) {
	s.directory.mu.Lock()
	defer s.directory.mu.Unlock()
	s.directory.submitFor[role] = submitFor{allow: slices.Clone(allow), deny: slices.Clone(deny)}
}

type submitFor struct{ allow, deny []string }

// maySubmitFor reports whether a caller with the roles may submit reviews for the
// author.
func (d *directory) maySubmitFor(roles []string, author string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	listed := func(names []string) bool { return slices.Contains(names, "*") || slices.Contains(names, author) }
	allowed := false
	for _, role := range roles {
		f := d.submitFor[role]
		if listed(f.deny) {
			return false
		}
		allowed = allowed || listed(f.allow)
	}
	return allowed
}

// mayReview returns why the author may not review a request for these roles.
func (d *directory) mayReview(author string, requested []string) error {
	u, err := d.user(author)
	if err != nil {
		return err
	}
	if u.IsBot() {
		return trace.AccessDenied("bot user %q cannot review access requests", author)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var allow, deny []string
	for _, name := range u.GetRoles() {
		r, ok := d.roles[name]
		if !ok {
			continue
		}
		if c := r.Spec.Allow.ReviewRequests; c != nil {
			allow = append(allow, c.Roles...)
		}
		if c := r.Spec.Deny.ReviewRequests; c != nil {
			deny = append(deny, c.Roles...)
		}
	}
	listed := func(patterns []string, role string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			before, star := strings.CutSuffix(p, "*")
			return p == role || star && strings.HasPrefix(role, before)
		})
	}
	for _, role := range requested {
		if !listed(allow, role) || listed(deny, role) {
			return trace.AccessDenied("user %q cannot submit reviews", author)
		}
	}
	return nil
}

// authorize applies the rules for reviews that come over the wire, and returns
// the review as it is to be stored.
func (s *Server) authorize(c caller, id string, rev types.AccessReview) (types.AccessReview, error) {
	behalf := s.version.hasOnBehalf() && boolField(rev.XXX_unrecognized, onBehalfField)
	rev.XXX_unrecognized = nil
	switch {
	case behalf:
		if rev.Author == "" {
			return rev, trace.BadParameter("missing author")
		}
		if !s.directory.maySubmitFor(c.roles, rev.Author) {
			return rev, trace.AccessDenied("user %q cannot submit reviews on behalf of %q", c.user, rev.Author)
		}
		r, err := s.Request(id)
		if err != nil {
			return rev, err
		}
		if err := s.directory.mayReview(rev.Author, r.GetRoles()); err != nil {
			return rev, err
		}
		rev.XXX_unrecognized = behalfOf(c.user)
	case rev.Author == "":
		rev.Author = c.user
	case rev.Author != c.user && !s.opts.IgnoreRBAC:
		return rev, trace.AccessDenied("user %q cannot submit reviews on behalf of %q", c.user, rev.Author)
	}
	return rev, nil
}

// behalfOf encodes through whom a review came.
func behalfOf(submitter string) []byte {
	b := protowire.AppendString(protowire.AppendTag(nil, submittedByField, protowire.BytesType), submitter)
	return protowire.AppendVarint(protowire.AppendTag(b, onBehalfField, protowire.VarintType), 1)
}

// boolField returns a bool among encoded fields; the last one counts.
func boolField(b []byte, want protowire.Number) (value bool) {
	for len(b) > 0 {
		n, typ, size := protowire.ConsumeTag(b)
		if size < 0 {
			return value
		}
		b = b[size:]
		if n == want && typ == protowire.VarintType {
			v, _ := protowire.ConsumeVarint(b)
			value = v != 0
		}
		if size = protowire.ConsumeFieldValue(n, typ, b); size < 0 {
			return value
		}
		b = b[size:]
	}
	return value
}

// SubmittedBy returns through whom a stored review came: the plugin's user, or
// "" where its author submitted it.
func SubmittedBy(rev types.AccessReview) string {
	for b := rev.XXX_unrecognized; len(b) > 0; {
		n, typ, size := protowire.ConsumeTag(b)
		if size < 0 {
			return ""
		}
		b = b[size:]
		if n == submittedByField && typ == protowire.BytesType {
			v, _ := protowire.ConsumeString(b)
			return v
		}
		if size = protowire.ConsumeFieldValue(n, typ, b); size < 0 {
			return ""
		}
		b = b[size:]
	}
	return ""
}
