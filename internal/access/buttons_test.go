package access

import (
	"path"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestButtonsAreOfferedWhereEverythingAllowsThem(t *testing.T) {
	on := Buttons{On: true}
	ask := Request{Roles: []string{"dev"}}
	for _, tt := range []struct {
		name    string
		buttons Buttons
		req     Request
		to      Audience
		want    bool
	}{
		{"everything allows", on, ask, Reviewers, true},
		{"switched off", Buttons{}, ask, Reviewers, false},
		{"the requester's copy", on, ask, Requester, false},
		{"approved", on, Request{Roles: ask.Roles, State: Approved}, Reviewers, false},
		{"denied", on, Request{Roles: ask.Roles, State: Denied}, Reviewers, false},
		{"promoted", on, Request{Roles: ask.Roles, State: Promoted}, Reviewers, false},
		{"expired", on, Request{Roles: ask.Roles, State: Expired}, Reviewers, false},
		{"long-term", on, Request{Roles: ask.Roles, Kind: LongTerm}, Reviewers, false},
		{"with a part that can't be read", on, Request{Roles: ask.Roles, Unread: []string{"field 27"}}, Reviewers, false},
		{"another role", Buttons{On: true, Only: []string{"qa"}}, ask, Reviewers, false},
		{"an excepted role", Buttons{On: true, Except: []string{"d*"}}, ask, Reviewers, false},
	} {
		if got := tt.buttons.Offered(tt.req, tt.to); got != tt.want {
			t.Errorf("%s: offered = %v", tt.name, got)
		}
	}
}

func TestOneRoleThatMayNotIsEnoughForTheWholeRequest(t *testing.T) {
	for _, tt := range []struct {
		name         string
		only, except []string
		roles        []string
		want         bool
	}{
		{"no limits", nil, nil, []string{"dev", "prod"}, true},
		{"no limits, no roles", nil, nil, nil, true},
		{"limits, no roles", []string{"*"}, nil, nil, false},
		{"all listed", []string{"dev", "qa"}, nil, []string{"dev", "qa"}, true},
		{"one not listed", []string{"dev"}, nil, []string{"dev", "prod"}, false},
		{"by pattern", []string{"dev-*"}, nil, []string{"dev-eu", "dev-us"}, true},
		{"a name is no prefix", []string{"dev"}, nil, []string{"dev-admin"}, false},
		{"a name is no suffix", []string{"dev"}, nil, []string{"not-dev"}, false},
		{"case counts", []string{"dev"}, nil, []string{"DEV"}, false},
		{"one excepted", nil, []string{"prod*"}, []string{"dev", "prod-db"}, false},
		{"except beats only", []string{"*"}, []string{"admin"}, []string{"admin"}, false},
		{"a star within", []string{"a*b*c"}, nil, []string{"axxbyyc"}, true},
		{"a star does not overlap", []string{"ab*bc"}, nil, []string{"abc"}, false},
	} {
		if got := (Buttons{On: true, Only: tt.only, Except: tt.except}).Allows(tt.roles); got != tt.want {
			t.Errorf("%s: allowed = %v", tt.name, got)
		}
	}
}

func TestReasonPolicies(t *testing.T) {
	for policy, want := range map[ReasonPolicy][2]bool{ReasonNever: {false, false}, ReasonToDeny: {false, true}, ReasonAlways: {true, true}} {
		b := Buttons{Reason: policy}
		if got := [2]bool{b.NeedsReason(Approve), b.NeedsReason(Deny)}; got != want {
			t.Errorf("policy %d: approve and deny need a reason: %v, want %v", policy, got, want)
		}
	}
}

// The matcher agrees with path.Match where that means the same.
func TestPatterns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*]{0,8}`).Draw(t, "pattern")
		role := rapid.StringMatching(`[ab]{0,10}`).Draw(t, "role")
		want, err := path.Match(pattern, role)
		if err != nil || strings.ContainsAny(role, "/") {
			t.Fatal(err)
		}
		if got := matches(pattern, role); got != want {
			t.Fatalf("matches(%q, %q) = %v", pattern, role, got)
		}
	})
}
