package rule

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// input is a request of a Tuesday afternoon.
func input() Input {
	return Input{
		Request: access.Request{
			User: "alice@example.com", Roles: []string{"access", "editor"}, Reason: "INC-42: disk full",
			SuggestedReviewers: []string{"bob@example.com", "Carol <carol@example.com>"},
			SystemAnnotations:  map[string][]string{"pagerduty": {"db-oncall"}},
			Created:            time.Date(2026, 3, 3, 17, 30, 0, 0, time.UTC),
			Expires:            time.Date(2026, 3, 3, 18, 30, 0, 0, time.UTC),
		},
		Traits: map[string][]string{"team": {"dev", "sre"}, "level": {"L2"}, "cost-center": {"7"}},
		Labels: []map[string]string{{"env": "prod", "os": "linux"}, {"env": "dev", "os": "linux"}},
	}
}

func match(t *testing.T, condition string, in Input) (bool, error) {
	t.Helper()
	r, err := Compile(Source{Name: "r", Condition: condition})
	if err != nil {
		return false, err
	}
	return r.Match(in)
}

func TestConditions(t *testing.T) {
	for condition, want := range map[string]bool{
		// Literals and operators.
		`true`:                           true,
		`false`:                          false,
		`!true`:                          false,
		`!!true`:                         true,
		`true || false`:                  true,
		`false || false || true`:         true,
		`true && false`:                  false,
		`true && true && true`:           true,
		`false && true || true`:          true,
		`true || true && false`:          true,
		`(true || true) && false`:        false,
		`!false && true`:                 true,
		`"a" == "a"`:                     true,
		`"a" != "a"`:                     false,
		`"a" == "b"`:                     false,
		"`a\\d` == \"a\\\\d\"":           true,
		`set("a", "b") == set("b", "a")`: true,
		`set("a") == set("a", "b")`:      false,
		`set("a", "c") == set("a", "b")`: false,
		`set("a") != set("b")`:           true,
		`true == !false`:                 true,
		`(true == false) == false`:       true,
		"true // why not\n&& true":       true,
		"/* never\n*/ false":             false,
		"true\n  &&\n\ttrue":             true,

		// Variables.
		`access_request.spec.user == "alice@example.com"`:                           true,
		`access_request.spec.request_reason == "INC-42: disk full"`:                 true,
		`contains(access_request.spec.roles, "editor")`:                             true,
		`contains(access_request.spec.roles, "root")`:                               false,
		`access_request.spec.roles.contains("editor")`:                              true,
		`access_request.spec.suggested_reviewers.contains("bob@example.com")`:       true,
		`access_request.spec.system_annotations["pagerduty"].contains("db-oncall")`: true,
		`access_request.spec.system_annotations.pagerduty.contains("db-oncall")`:    true,
		`access_request.spec.system_annotations["none"] == set()`:                   true,
		`access_request.spec.creation_time == access_request.spec.creation_time`:    true,
		`access_request.spec.creation_time == access_request.spec.expiry`:           false,
		`user.traits["team"].contains("sre")`:                                       true,
		`user.traits.team.contains("sre")`:                                          true,
		`user.traits["cost-center"].contains("7")`:                                  true,
		`user.traits["none"].contains("x")`:                                         false,
		`user.traits.contains.contains("x")`:                                        false, // a trait of that name
		`access_request.spec.resource_labels_union["env"] == set("prod", "dev")`:    true,
		`access_request.spec.resource_labels_union["env"].contains("dev")`:          true,
		`access_request.spec.resource_labels_union["none"].contains("dev")`:         false,
		`access_request.spec.resource_labels_intersection["os"].contains("linux")`:  true,
		`access_request.spec.resource_labels_intersection["env"].contains("dev")`:   false,
		`is_empty(access_request.spec.resource_labels_intersection["env"])`:         true,

		// Sets.
		`is_empty(set())`:                                      true,
		`set().is_empty()`:                                     true,
		`is_empty(set("a"))`:                                   false,
		`!is_empty(access_request.spec.roles)`:                 true,
		`set("a", "a") == set("a")`:                            true,
		`set("a", "b",) == set("a", "b")`:                      true,
		`contains("a", "a")`:                                   true, // one value counts as a list
		`contains_any(set("a", "b"), set("b", "c"))`:           true,
		`contains_any(set("a"), set("b"))`:                     false,
		`contains_any(set("a"), "a")`:                          true,
		`contains_any(set("a"), set())`:                        false,
		`set("a", "b").contains_any(set("b"))`:                 true,
		`contains_all(set("a", "b"), set("a"))`:                true,
		`contains_all(set("a"), set("a", "b"))`:                false,
		`contains_all(set("a"), set())`:                        false, // nothing to contain
		`contains_all(set(), set())`:                           false,
		`set("a", "b").contains_all(set("b", "a"))`:            true,
		`union(set("a"), set("b"), "c") == set("a", "b", "c")`: true,
		`union() == set()`:                                     true,
		`set("a").add("b", "c") == set("a", "b", "c")`:         true,
		`set("a").add() == set("a")`:                           true,
		`set("a", "b").remove("b", "c") == set("a")`:           true,

		// Maps.
		`dict(pair("a", set("x")))["a"].contains("x")`:                                   true,
		`dict(pair("a", "x")).a.contains("x")`:                                           true,
		`dict()["a"] == set()`:                                                           true,
		`dict(pair("a", set("x"))).put("a", set("y"))["a"] == set("y")`:                  true,
		`dict(pair("a", set("x"))).add_values("a", "y", "z")["a"] == set("x", "y", "z")`: true,
		`dict().add_values("a", "y")["a"] == set("y")`:                                   true,
		`dict(pair("a", set("x")), pair("b", set("c"))).remove("b")["b"] == set()`:       true,
		`dict(pair("a", set("x")), pair("b", set("c"))).remove("b")["a"] == set("x")`:    true,
		`user.traits.put("team", set("x"))["team"] == set("x")`:                          true,

		// Strings.
		`strings.upper(set("Alice")) == set("ALICE")`:                                                  true,
		`strings.lower("AbC") == set("abc")`:                                                           true,
		`strings.replaceall(set("user-name"), "-", "_") == set("user_name")`:                           true,
		`strings.split(set("devs security"), " ") == set("devs", "security")`:                          true,
		`strings.split("ab", "") == set("a", "b")`:                                                     true,
		`email.local(set("alice@example.com", "Bob <bob@example.com>")) == set("alice", "bob")`:        true,
		`email.local(access_request.spec.user) == set("alice")`:                                        true,
		"regexp.match(access_request.spec.request_reason, `INC-\\d+`)":                                 true,
		`regexp.match(access_request.spec.request_reason, "^disk")`:                                    false,
		`regexp.match(user.traits["team"], "^s.e$")`:                                                   true,
		`regexp.match(set(), "")`:                                                                      false,
		`regexp.replace(set("team-devs", "other"), "^team-(.*)$", "$1") == set("devs")`:                true,
		`regexp.replace(set("team-dev-security"), "^team-(.*)-(.*)$", "$1.$2") == set("dev.security")`: true,
		`regexp.replace("a-b-c", "-", "+") == set("a+b+c")`:                                            true,

		// Choices.
		`ifelse(true, "a", "b") == "a"`:                                           true,
		`ifelse(false, set("a"), "b") == set("b")`:                                true,
		`ifelse(contains(access_request.spec.roles, "x"), true, false)`:           false,
		`choose(option(false, "x"), option(true, "y"), option(true, "z")) == "y"`: true,
		`choose(option(true, "x"), option(true, set("y"))) == set("x")`:           true,

		// Times.
		`day(access_request.spec.creation_time) == "Tuesday"`:                          true,
		`access_request.spec.creation_time.day() == "Monday"`:                          false,
		`contains(set("Saturday", "Sunday"), access_request.spec.creation_time.day())`: false,
		`clock_between(access_request.spec.creation_time, "09:00", "18:00")`:           true,
		`access_request.spec.creation_time.clock_between("17:30", "18:00")`:            false, // strictly
		`access_request.spec.creation_time.clock_between("17:00", "17:30")`:            false,
		`access_request.spec.creation_time.clock_between("22:00", "18:00")`:            false, // one day only
		`access_request.spec.creation_time.clock_between("00:00", "23:59")`:            true,
	} {
		got, err := match(t, condition, input())
		if err != nil || got != want {
			t.Errorf("%s\n  is %v, %v; want %v", condition, got, err, want)
		}
	}
}

// The examples of Teleport's documentation.
func TestPublishedExamples(t *testing.T) {
	for _, tc := range []struct {
		condition string
		want      bool
	}{
		{`contains_all(set("access"), access_request.spec.roles) &&
access_request.spec.resource_labels_intersection["env"].contains("dev") &&
contains_any(user.traits["team"], set("dev"))`, false},
		{`contains_all(set("access", "editor"), access_request.spec.roles) &&
contains_any(user.traits["team"], set("dev", "stage"))`, true},
		{`contains_any(access_request.spec.roles, set("access"))`, true},
		{`!is_empty(access_request.spec.roles)`, true},
		{`access_request.spec.user == "example_user"`, false},
		{`access_request.spec.roles.contains("example_role")`, false},
		{`set("role_1", "role_2").contains_all(access_request.spec.roles)`, false},
		{`contains_any(user.traits["team"], set("dev", "stage"))`, true},
		{`access_request.spec.resource_labels_intersection["env"].contains("dev")`, false},
		{`access_request.spec.resource_labels_union["env"].contains("prod")`, true},
		{`contains_any(user.traits["level"], set("L1", "L2")) && contains_any(user.traits["location"], set("Seattle"))`, false},
	} {
		got, err := match(t, tc.condition, input())
		if err != nil || got != tc.want {
			t.Errorf("%s\n  is %v, %v; want %v", tc.condition, got, err, tc.want)
		}
	}
}

// Of a request without resources nothing is known of labels.
func TestNoResources(t *testing.T) {
	in := input()
	in.Labels = nil
	for _, v := range []string{"union", "intersection"} {
		if got, err := match(t, `is_empty(access_request.spec.resource_labels_`+v+`["env"])`, in); !got || err != nil {
			t.Errorf("%s of no labels is not empty: %v", v, err)
		}
	}
}

func TestWhatIsWrong(t *testing.T) {
	for condition, want := range map[string]string{
		``:                          `1:1: is empty, expected a condition`,
		"  \n ":                     `2:2: is empty`,
		`tru`:                       `1:1: unknown name "tru", expected a variable`,
		`True`:                      `1:1: unknown name "True", expected "true"`,
		`true false`:                `1:6: unexpected "false", expected && or || or the end`,
		"true &&\n  false ||":       `2:11: unexpected the end, expected a variable, a function, a string or (`,
		`(true`:                     `1:6: unexpected the end, expected ")"`,
		`true)`:                     `1:5: unexpected ")"`,
		`true & true`:               `1:6: unexpected '&'`,
		`"a" < "b"`:                 `1:5: unexpected '<'`,
		`access_request.spec.roles`: `1:1: is a set, expected true or false: it would never apply`,
		`true && "a"`:               `1:9: is a string, expected true or false beside &&`,
		`!set()`:                    `1:2: is a set, expected true or false after !`,
		`"a`:                        `1:1: a string without an end, expected another "`,
		"`a":                        "1:1: a string without an end, expected another `",
		`"a\d"`:                     `1:1: a string with an unknown escape`,
		`'a' == "a"`:                `1:1: unexpected ', expected strings in double quotes`,
		`contains(set("a"), 1)`:     `1:20: unexpected number`,
		`"é" == "é" && x`:           `1:15: unknown name "x"`,

		`access_request.spec.role`:         `1:1: access_request.spec has no "role", expected creation_time, expiry, request_reason, resource_labels_intersection, resource_labels_union, roles, suggested_reviewers, system_annotations or user`,
		`access_request.roles`:             `1:1: access_request has no "roles", expected spec`,
		`user.name == "x"`:                 `1:1: user has no "name", expected traits`,
		`user.traits[team].contains("x")`:  `1:13: unexpected name "team", expected the key in double quotes`,
		`user.traits[set()].contains("x")`: `1:13: the key is a set, expected a string`,
		`user.traits["a"]["b"] == set()`:   `1:1: is a set, expected a map before [`,
		`user.traits["a"].b == set()`:      `1:18: a set has no "b"`,
		`user.traits["a"`:                  `1:16: unexpected the end, expected "]"`,
		`user.traits["team"] == "dev"`:     `1:24: a set is compared with a string, expected contains(…, …)`,
		`"dev" == true`:                    `1:10: a string is compared with true or false`,
		`user.traits == user.traits`:       `1:16: a map can't be compared`,

		`contain(set(), "a")`:      `1:1: unknown function "contain", expected add, add_values, choose, clock_between`,
		`set("a").contain("a")`:    `1:10: unknown method "contain", expected add, add_values, clock_between, contains`,
		`set("a").strings.upper()`: `1:10: a set has no "strings"`,
		`set("a").union("b")`:      `1:10: unknown method "union"`,
		`contains(set("a"))`:       `1:1: contains has 1 arguments, expected 2`,
		`set("a").contains()`:      `1:1: contains has 0 arguments, expected 1`,
		`add() == set()`:           `1:1: add has 0 arguments, expected 1 or more`,
		`contains("a" "b")`:        `1:14: unexpected the string "b", expected a comma or )`,
		`contains_any(user.traits["team"], set("dev". "stage"))`: `1:46: unexpected the string "stage", expected a name after the dot`,
		`contains(true, "a")`:         `1:10: is true or false, expected a set in contains`,
		`set("a", set("b")) == set()`: `1:10: is a set, expected a string in set`,
		`dict("a") == dict()`:         `1:6: is a string, expected a pair in dict`,
		`pair("a", set()) == true`:    `1:21: a pair is compared with true or false`,

		`regexp.match("a", "(")`:                                                                        `1:19: missing closing ): ` + "`(`" + `, expected a regular expression`,
		`regexp.match("a", access_request.spec.request_reason)`:                                         `1:19: expected a pattern in quotes in regexp.match`,
		`regexp.replace("a", "a", access_request.spec.user) == set()`:                                   `1:26: expected a replacement in quotes`,
		`regexp.match("a", "(x{100}){10}(y{100}){10}(x{100}){10}(y{100}){10}(x{100}){10}(y{100}){10}")`: `1:19: the pattern is too complex`,
		`regexp.match("a", "` + strings.Repeat("x", 1001) + `")`:                                        `1:19: the pattern is 1001 bytes long, expected at most 1000`,
		`regexp.match("a")`: `1:1: regexp.match has 1 arguments, expected 2`,

		`day("Tuesday") == "Tuesday"`:                                                 `1:5: is a string, expected a time in day`,
		`clock_between(access_request.spec.expiry, "9:00", "10:00")`:                  `1:43: "9:00" is not a time of day, expected one such as "09:00"`,
		`clock_between(access_request.spec.expiry, "09:00", "24:00")`:                 `1:52: "24:00" is not a time of day`,
		`access_request.spec.expiry.clock_between("09:00", access_request.spec.user)`: `1:51: expected a time of day in quotes`,

		`ifelse(true, "a")`:                                          `1:1: ifelse has 2 arguments, expected 3`,
		`ifelse("a", "a", "b") == "a"`:                               `1:8: is a string, expected true or false in ifelse`,
		`ifelse(true, "a", true) == "a"`:                             `1:19: is true or false, expected a string as the value before it`,
		`ifelse(true, option(true, "a"), option(true, true)) == "a"`: `1:33: is an option, expected an option as the value before it`,
		`choose() == "a"`:                                            `1:1: choose has no arguments`,
		`choose("a") == "a"`:                                         `1:8: is a string, expected an option in choose`,
		`choose(option(true, "a"), option(true, true)) == "a"`:       `1:27: is an option of true or false, expected one of a string`,
		`choose(option(true, option(true, "a"))) == "a"`:             `1:1: is an option of an option`,
		`option("a", "a") == "a"`:                                    `1:8: is a string, expected true or false in option`,
		`option(true) == "a"`:                                        `1:1: option has 1 arguments, expected 2`,
		`option(true, "a")`:                                          `1:1: is an option, expected true or false`,

		strings.Repeat("(", 200) + "true":      `nested too deeply, expected at most 100 levels`,
		strings.Repeat("!", 200) + "x":         `unknown name "x"`,
		`"` + strings.Repeat("x", 70000) + `"`: `1:1: is 70002 bytes long, expected at most 65536`,
		"\"\xff\" == \"\"":                     `1:1: is not valid UTF-8`,
		strings.Repeat("x", 60):                `unknown name "` + strings.Repeat("x", 40) + `…"`,
	} {
		_, err := Compile(Source{Name: "the rule", Condition: condition})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), `rule "the rule": condition `) {
			t.Errorf("%s\n  fails with %v\n  want %s", shorten(condition), err, want)
		}
	}
}

// A few things show only with a value.
func TestWhatFailsOnlyWithARequest(t *testing.T) {
	in := input()
	in.Request.Reason = strings.Repeat("x", 2<<20)
	for condition, want := range map[string]string{
		`true && email.local(access_request.spec.roles) == set()`: `1:9: email.local: "access" is not an email address`,
		`choose(option(false, true))`:                             `1:1: choose: none of the options holds`,
		`true &&
  regexp.match(access_request.spec.request_reason, "(xx?)+x{10}")`: `2:3: is too much work`,
		`strings.replaceall(access_request.spec.request_reason, "x", "` + strings.Repeat("y", 100) + `") == set()`: `1:1: is too much work`,
		`regexp.replace(access_request.spec.request_reason, "x", "` + strings.Repeat("$0", 100) + `") == set()`:    `1:1: is too much work`,
		`strings.upper(access_request.spec.request_reason) == set()`:                                               `1:1: is too much work`,
	} {
		got, err := match(t, condition, in)
		if got || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n  is %v, %v; want the error %s", shorten(condition), got, err, want)
		}
	}
	// What is not looked at can't fail.
	if got, err := match(t, `true || email.local("x") == set()`, in); !got || err != nil {
		t.Errorf("a part that does not matter makes it %v, %v", got, err)
	}
}

func TestNeeds(t *testing.T) {
	for condition, want := range map[string]Needs{
		`access_request.spec.user == "a"`:                                     {},
		`true || contains(user.traits["team"], "x")`:                          {Traits: true},
		`is_empty(access_request.spec.resource_labels_union["x"])`:            {Labels: true},
		`is_empty(access_request.spec.resource_labels_intersection["x"])`:     {Labels: true},
		`"user.traits" == "access_request.spec.resource_labels_intersection"`: {},
		`user.traits.a == access_request.spec.resource_labels_union.b`:        {Traits: true, Labels: true},
	} {
		r, err := Compile(Source{Name: "r", Condition: condition})
		if err != nil || r.Needs() != want {
			t.Errorf("%s needs %+v, %v; want %+v", condition, r.Needs(), err, want)
		}
	}
}

// Two rules can look at the same input at once.
func TestMatchingChangesNothing(t *testing.T) {
	in := input()
	for _, condition := range []string{
		`user.traits.put("team", set("x")).add_values("level", "y").remove("team")["team"] == set()`,
		`access_request.spec.roles.add("x").remove("access").contains("x")`,
		`strings.upper(user.traits["team"]).contains("DEV")`,
	} {
		if got, err := match(t, condition, in); !got || err != nil {
			t.Errorf("%s is %v, %v", condition, got, err)
		}
	}
	if diff := cmp.Diff(input(), in); diff != "" {
		t.Errorf("the input was changed (-want +got):\n%s", diff)
	}
}
