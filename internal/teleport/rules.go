package teleport

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	rulespb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accessmonitoringrules/v1"
	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/logonce"
	"github.com/teleport-slack/teleport-slack/internal/rule"
	"github.com/teleport-slack/teleport-slack/internal/wait"
)

const (
	opRules = "list access monitoring rules"

	// pageRules is the page size of the published plugin.
	pageRules = 1000

	// listTries is how often rules are listed before requests are reconciled
	// without them, so that a short outage doesn't route requests wrongly.
	listTries = 3
)

// ruleBook holds the access monitoring rules that notify this plugin. Only the
// goroutine that watches uses it.
type ruleBook struct {
	byName  map[string]rule.Source
	publish func([]rule.Source)

	retry    retryDelay
	again    *time.Timer // when to list again; stopped unless the last try failed
	problems *logonce.Logger
	off      bool // rules can't be read; logged
}

func (c *Client) newRuleBook(publish func([]rule.Source)) *ruleBook {
	b := &ruleBook{
		byName: make(map[string]rule.Source), publish: publish, retry: c.timings.rules, again: time.NewTimer(time.Hour),
		problems: c.problems,
	}
	b.again.Stop()
	return b
}

// publishAll publishes all rules, sorted by name.
func (b *ruleBook) publishAll() {
	sources := make([]rule.Source, 0, len(b.byName))
	for _, name := range slices.Sorted(maps.Keys(b.byName)) {
		sources = append(sources, b.byName[name])
	}
	b.publish(sources)
}

// beginRules reads the rules when a watch begins, before any request is
// reconciled. confirmed reports whether the watch covers them.
func (c *Client) beginRules(ctx context.Context, b *ruleBook, conn *connection, confirmed bool) {
	if b.publish == nil {
		return
	}
	b.again.Stop()
	if !confirmed {
		c.withoutRules(b, conn)
		return
	}
	retry := retryDelay{first: c.timings.firstWait, max: c.timings.maxWait}
	for try := 1; ; try++ {
		if c.listRules(ctx, b, conn) || try == listTries || ctx.Err() != nil {
			return
		}
		if !wait.SleepUnless(ctx, retry.next(), conn.replaced) || isClosed(conn.replaced) {
			return
		}
	}
}

// withoutRules publishes no rules, and logs once why.
func (c *Client) withoutRules(b *ruleBook, conn *connection) {
	if !b.off {
		c.log.Warn("access monitoring rules can't be read, using only static routes", logkey.Version, conn.cluster.Version,
			logkey.Hint, "grant the role of these credentials list and read on access_monitoring_rule, if this Teleport has them")
	}
	b.off = true
	clear(b.byName)
	b.publishAll()
}

// listRules replaces all rules by those of the server. It returns false after an
// error that may be temporary, and schedules the next try.
func (c *Client) listRules(ctx context.Context, b *ruleBook, conn *connection) bool {
	fresh := make(map[string]rule.Source)
	err := c.eachRule(ctx, conn, func(r *rulespb.AccessMonitoringRule) {
		if src, ok := source(r); ok {
			fresh[src.Name] = src
		}
	})
	switch {
	case err == nil:
		b.problems.Recovered(logonce.Key{Kind: rulesProblem}, "listed access monitoring rules again")
		b.retry.reset()
		b.off = false
		b.byName = fresh
		b.publishAll()
		return true
	case fault.Is(err, fault.Denied), fault.Is(err, fault.Unsupported):
		c.withoutRules(b, conn)
		return true
	case ctx.Err() != nil:
		return false
	}
	b.problems.Problem(slog.LevelWarn, logonce.Key{Kind: rulesProblem}, "can't list access monitoring rules, using the previous ones and trying again", err)
	b.again.Reset(b.retry.next())
	return false
}

// Rules returns the access monitoring rules that notify this plugin, sorted by
// name. Serve passes them, and their changes, to its Handler.
func (c *Client) Rules(ctx context.Context) ([]rule.Source, error) {
	var sources []rule.Source
	err := c.call(ctx, opRules, reads, func(ctx context.Context, conn *connection) error {
		sources = nil
		return c.eachRule(ctx, conn, func(r *rulespb.AccessMonitoringRule) {
			if src, ok := source(r); ok {
				sources = append(sources, src)
			}
		})
	})
	slices.SortFunc(sources, func(a, b rule.Source) int { return cmp.Compare(a.Name, b.Name) })
	return sources, err
}

// eachRule yields every rule on access requests that notifies this plugin, and
// also others from servers that can't filter.
func (c *Client) eachRule(ctx context.Context, conn *connection, yield func(*rulespb.AccessMonitoringRule)) error {
	filters := true
	for token := ""; ; {
		limited, cancel := context.WithTimeout(ctx, callTimeout)
		page, next, err := conn.rulesPage(limited, token, filters)
		cancel()
		err = classify(opRules, err, reads)
		if filters && token == "" && fault.Is(err, fault.Unsupported) {
			filters = false
			continue
		}
		if err != nil {
			return err
		}
		for _, r := range page {
			yield(r)
		}
		if next == "" {
			return nil
		}
		if next == token {
			return fault.New(fault.Retry, opRules, "page repeats itself")
		}
		token = next
	}
}

func (c *connection) rulesPage(ctx context.Context, token string, filters bool) ([]*rulespb.AccessMonitoringRule, string, error) {
	if !filters {
		resp, err := c.rules.ListAccessMonitoringRules(ctx, &rulespb.ListAccessMonitoringRulesRequest{
			PageSize: pageRules, PageToken: token,
		})
		return resp.GetRules(), resp.GetNextPageToken(), err
	}
	resp, err := c.rules.ListAccessMonitoringRulesWithFilter(ctx, &rulespb.ListAccessMonitoringRulesWithFilterRequest{
		PageSize: pageRules, PageToken: token,
		Subjects: []string{types.KindAccessRequest}, NotificationName: pluginName,
	})
	return resp.GetRules(), resp.GetNextPageToken(), err
}

// changed applies one event. It reports whether a rule changed.
func (b *ruleBook) changed(e types.Event) bool {
	if e.Resource == nil || e.Resource.GetKind() != types.KindAccessMonitoringRule {
		return false
	}
	name := e.Resource.GetName()
	before, had := b.byName[name]
	delete(b.byName, name)
	if e.Type == types.OpPut {
		if r, ok := unwrapRule(e.Resource); ok {
			if src, ok := source(r); ok {
				b.byName[name] = src // else it no longer notifies this plugin
			}
		}
	}
	after, has := b.byName[name]
	if had == has && before.Equal(after) {
		return false
	}
	b.publishAll()
	return true
}

// unwrapRule returns the rule inside the api's older resource type.
func unwrapRule(r types.Resource) (*rulespb.AccessMonitoringRule, bool) {
	w, ok := r.(types.Resource153Unwrapper)
	if !ok {
		return nil, false
	}
	found, ok := w.Unwrap().(*rulespb.AccessMonitoringRule)
	return found, ok
}

// source translates a rule, if it is on access requests and notifies this plugin.
func source(r *rulespb.AccessMonitoringRule) (rule.Source, bool) {
	spec := r.GetSpec()
	if spec.GetNotification().GetName() != pluginName || !slices.Contains(spec.GetSubjects(), types.KindAccessRequest) {
		return rule.Source{}, false
	}
	schedules, unread := newerRuleFields(r)
	return rule.Source{
		Name:       r.GetMetadata().GetName(),
		Condition:  spec.GetCondition(),
		Recipients: slices.Clone(spec.GetNotification().GetRecipients()),
		Schedules:  schedules,
		Unread:     unread,
	}, true
}
