package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// requestFlags describe a made-up access request.
type requestFlags struct {
	user, reason     string
	roles, reviewers []string
	resources        []string
	annotations      []string
	longTerm         bool
}

func (r *requestFlags) add(f *pflag.FlagSet) {
	f.StringVar(&r.user, "user", "alice@example.com", "the requester's Teleport `username`")
	f.StringSliceVar(&r.roles, "roles", nil, "requested `role`s, separated by commas")
	f.StringArrayVar(&r.resources, "resource", nil, "a requested resource, `kind/name` or /cluster/kind/name, with \" as login,login\" where it is narrowed to these; may be repeated")
	f.StringVar(&r.reason, "reason", "", "the request's reason, a `text`")
	f.StringSliceVar(&r.reviewers, "reviewers", nil, "suggested reviewers: `username`s or emails, separated by commas")
	f.StringArrayVar(&r.annotations, "annotation", nil, "a system annotation, `key=value`; may be repeated")
	f.BoolVar(&r.longTerm, "long-term", false, "a request for long-term access")
}

// request returns the request that the flags describe. Resources without a
// cluster are in the given one.
func (r *requestFlags) request(cluster string) (access.Request, error) {
	req := access.Request{User: r.user, Roles: r.roles, Reason: r.reason, SuggestedReviewers: r.reviewers}
	if r.longTerm {
		req.Kind = access.LongTerm
	}
	for _, s := range r.resources {
		s, principals, narrowed := strings.Cut(s, " as ")
		parts := strings.SplitN(strings.TrimPrefix(s, "/"), "/", 4)
		if !strings.HasPrefix(s, "/") {
			parts = append([]string{cluster}, strings.SplitN(s, "/", 3)...)
		}
		if len(parts) < 3 || parts[1] == "" || parts[2] == "" {
			return req, usageError{fmt.Errorf("--resource %q is not a resource", s), "write it as kind/name, such as node/web-1, or as /cluster/kind/name"}
		}
		res := access.Resource{Cluster: parts[0], Kind: parts[1], Name: parts[2]}
		if len(parts) == 4 {
			res.SubResource = parts[3]
		}
		for p := range strings.SplitSeq(principals, ",") {
			p = strings.TrimSpace(p)
			if narrowed && p == "" {
				return req, usageError{fmt.Errorf("--resource %q names no login behind \"as\"", s), "write it as node/web-1 as root,ubuntu"}
			}
			if narrowed {
				res.Principals = append(res.Principals, p)
			}
		}
		req.Resources = append(req.Resources, res)
	}
	for _, s := range r.annotations {
		key, value, ok := strings.Cut(s, "=")
		if !ok || key == "" {
			return req, usageError{fmt.Errorf("--annotation %q is not an annotation", s), "write it as key=value"}
		}
		if req.SystemAnnotations == nil {
			req.SystemAnnotations = map[string][]string{}
		}
		req.SystemAnnotations[key] = append(req.SystemAnnotations[key], value)
	}
	return req, nil
}
