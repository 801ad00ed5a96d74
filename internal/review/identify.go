package review

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/message"
)

const (
	// knownFor is how long the Teleport user of a Slack user is cached. It saves
	// calls while a reviewer works through several requests.
	knownFor  = 30 * time.Second
	maxPeople = 5000
)

// rejection is why a click leads to no review.
type rejection struct {
	outcome Outcome
	why     string
	answer  message.Answer
	silent  bool
	err     error // for the log
}

func refused(why string, answer message.Answer) *rejection {
	return &rejection{outcome: Refused, why: why, answer: answer}
}

// unanswered is the rejection for a failed lookup: nothing is submitted, and the
// reviewer may try again.
func unanswered(lookup string, err error) *rejection {
	why := lookup + "_unanswered"
	if fault.Is(err, fault.Denied) {
		why = lookup + "_not_allowed"
	}
	return &rejection{outcome: Failed, why: why, answer: message.AnswerUnavailable, err: err}
}

// identify returns the one Teleport user of the Slack user.
func (r *Reviewer) identify(ctx context.Context, s Settings, in interaction) (access.User, *rejection) {
	userID := in.user
	if u, ok := r.people.get(s, in); ok {
		return u, nil
	}
	// An expired entry must not be used if the lookup fails.
	r.people.forget(userID)
	var m Member
	err := retryPaced(ctx, func() (err error) {
		m, err = r.o.Slack.Member(ctx, userID)
		return err
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return access.User{}, refused("unknown_slack_user", message.AnswerNoMember)
	case err != nil:
		return access.User{}, unanswered("slack_user", err)
	}
	if why := notMember(m, in, s.TeamID); why != "" {
		return access.User{}, refused(why, message.AnswerNoMember)
	}
	u, rej := r.match(ctx, s, m)
	if rej != nil {
		return access.User{}, rej
	}
	if u.Bot {
		return access.User{}, refused("bot_user", message.AnswerNobody)
	}
	r.people.put(s, in, u)
	return u, nil
}

// notMember returns why the person is not a full member of our workspace, or "".
func notMember(m Member, in interaction, team string) string {
	switch {
	case m.ID != in.user:
		return "unknown_slack_user"
	case m.Deleted:
		return "deactivated"
	case m.Bot:
		return "bot"
	case m.Stranger || !slices.Contains(m.Teams, team):
		return "foreign_user"
	case in.userTeam != "" && !slices.Contains(m.Teams, in.userTeam):
		return "foreign_user" // the payload and the lookup disagree
	case m.Guest:
		return "guest"
	}
	return ""
}

// match finds the Teleport user of a member: by the trait if one is configured,
// and by email only if that is enabled and no user has the trait.
func (r *Reviewer) match(ctx context.Context, s Settings, m Member) (access.User, *rejection) {
	if s.Trait != "" {
		users, err := r.o.Users.UsersByTrait(ctx, s.Trait, m.ID)
		switch {
		case err != nil:
			return access.User{}, unanswered("teleport_user", err)
		case len(users) == 1:
			return users[0], nil
		case len(users) > 1:
			return access.User{}, refused("several_users", message.AnswerSeveral)
		}
	}
	switch {
	case !s.EmailMatch:
		return access.User{}, refused("no_user", message.AnswerNobody)
	case m.Email == "" || !strings.Contains(m.Email, "@"):
		return access.User{}, refused("no_email", message.AnswerNobody)
	case m.EmailUnconfirmed:
		return access.User{}, refused("email_not_confirmed", message.AnswerNobody)
	}
	u, err := r.o.Users.User(ctx, m.Email)
	switch {
	case fault.Is(err, fault.NotFound):
		return access.User{}, refused("no_user", message.AnswerNobody)
	case err != nil:
		return access.User{}, unanswered("teleport_user", err)
	case s.Trait != "" && len(u.Traits[s.Trait]) > 0:
		// The trait of this user names another Slack account.
		return access.User{}, refused("email_of_another", message.AnswerMismatch)
	}
	return u, nil
}

// people caches the Teleport users of Slack users for moments.
type people struct {
	mu sync.Mutex
	m  map[string]person // by Slack user
}

type person struct {
	user  access.User
	until time.Time
	by    string // the settings that the match depends on
}

func newPeople() *people { return &people{m: map[string]person{}} }

// dependsOn returns the settings that the match of a Slack user depends on.
func dependsOn(s Settings, in interaction) string {
	by := in.userTeam + "\x00" + s.TeamID + "\x00" + s.Cluster.Name + "\x00" + s.Trait
	if s.EmailMatch {
		by += "\x00email"
	}
	return by
}

func (p *people) get(s Settings, in interaction) (access.User, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.m[in.user]
	if !ok || !time.Now().Before(e.until) || e.by != dependsOn(s, in) {
		return access.User{}, false
	}
	return e.user, true
}

func (p *people) put(s Settings, in interaction, u access.User) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.m) >= maxPeople {
		clear(p.m)
	}
	p.m[in.user] = person{user: u, until: time.Now().Add(knownFor), by: dependsOn(s, in)}
}

func (p *people) forget(userID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.m, userID)
}
