package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/recipient"
	"github.com/teleport-slack/teleport-slack/internal/route"
	"github.com/teleport-slack/teleport-slack/internal/teleport"
)

// routeTimeout bounds all lookups for one explanation.
const routeTimeout = 30 * time.Second

// RouteOptions are the arguments of Route.
type RouteOptions struct {
	Config    config.Config
	RequestID string              // of a request in Teleport; empty to use Request
	Request   access.Request      // a request that need not exist
	Traits    map[string][]string // of the requester; nil to read them from Teleport
	Log       *slog.Logger        // for problems with rules and recipients
}

// Route explains which recipients a request would have if it were new, with the
// current rules of Teleport and each recipient resolved in Slack. It posts nothing.
func Route(ctx context.Context, o RouteOptions) (recipient.Explanation, error) {
	ctx, cancel := context.WithTimeout(ctx, routeTimeout)
	defer cancel()
	tp, err := teleport.New(teleport.Options{
		Addr:      o.Config.Teleport.Addr,
		Identity:  o.Config.Teleport.Identity,
		ClientKey: o.Config.Teleport.ClientKey,
		ClientCrt: o.Config.Teleport.ClientCrt,
		RootCAs:   o.Config.Teleport.RootCAs,
		Log:       o.Log,
	})
	if err != nil {
		return recipient.Explanation{}, err
	}
	defer func() { _ = tp.Close() }() // nothing is in flight any more
	if _, err := tp.Connect(ctx); err != nil {
		return recipient.Explanation{}, err
	}
	sl, err := commandSlack(o.Config, o.Log)
	if err != nil {
		return recipient.Explanation{}, err
	}
	defer sl.Close()
	// How names are looked up depends on the token's scopes.
	if _, err := sl.Auth(ctx); err != nil {
		return recipient.Explanation{}, err
	}
	req := o.Request
	if o.RequestID != "" {
		if req, err = tp.Request(ctx, o.RequestID); err != nil {
			return recipient.Explanation{}, fault.Wrapf(err, "read request %s", o.RequestID)
		}
	}
	if req.Created.IsZero() { // it would be made now; schedules of rules ask for it
		req.Created = time.Now()
	}
	r := recipient.New(recipient.Options{
		Users: tp, Directory: sl, Inspector: inspector{tp, o.Traits},
		Routes:      route.Table(o.Config.Recipients),
		NoRequester: !o.Config.Messages.Requester,
		Log:         o.Log,
	})
	rules, err := tp.Rules(ctx)
	if err != nil {
		o.Log.Warn("access monitoring rules can't be read, using only static routes",
			slog.String(logkey.Error, err.Error()), slog.String(logkey.Hint, fault.Hint(err)))
	}
	r.SetRules(rules)
	return r.Explain(ctx, req), nil
}

// inspector is Teleport, with other traits for the requester if they are given.
type inspector struct {
	*teleport.Client
	traits map[string][]string
}

// Traits implements [recipient.Inspector].
func (i inspector) Traits(ctx context.Context, username string) (map[string][]string, error) {
	if i.traits != nil {
		return i.traits, nil
	}
	return i.Client.Traits(ctx, username)
}
