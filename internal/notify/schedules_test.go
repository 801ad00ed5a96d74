package notify_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// scheduled replaces the one rule by one that asks for traits and is in force in
// the hour of Seoul that begins after the given time.
func (u *universe) scheduled(t *testing.T, after time.Duration, zone string) {
	t.Helper()
	seoul, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		t.Fatal(err)
	}
	if err := u.teleport.SetServerVersion("18.2.8"); err != nil {
		t.Fatal(err)
	}
	from := time.Now().Add(after).In(seoul).Truncate(time.Minute)
	if err := u.teleport.PutRule(teleporttest.Rule{
		Name: "team", Condition: `user.traits["team"].contains("dev")`, Recipients: []string{"security"},
		Schedules: map[string]teleporttest.Schedule{
			"never": {Shifts: []teleporttest.Shift{{Weekday: from.AddDate(0, 0, 3).Weekday().String(), Start: "00:00", End: "23:59"}}},
			"hour":  {Timezone: zone, Shifts: []teleporttest.Shift{{Weekday: from.Weekday().String(), Start: from.Format("15:04"), End: from.Add(time.Hour).Format("15:04")}}},
		},
	}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Second)
}

// The time that counts is when the request was made: it is no other request
// when the hour begins or ends.
func TestARuleIsInForceBySchedule(t *testing.T) {
	inWorld(t, func(t *testing.T, u *universe, log *lockedBuffer, failed *counts) {
		u.scheduled(t, time.Hour, "Asia/Seoul")
		early := u.ask(t)
		time.Sleep(10 * time.Second)
		heard(t, u, early, "before the hour", "#ops", "alice")
		if n := u.teleport.Calls()["GetUserLoginState"]; n != 0 {
			t.Errorf("a rule that is not in force looks traits up %d times", n)
		}

		time.Sleep(90 * time.Minute)
		heard(t, u, early, "when the hour has begun", "#ops", "alice")
		during := u.ask(t)
		time.Sleep(10 * time.Second)
		heard(t, u, during, "in the hour", "#security", "alice")

		heal := u.teleport.Inject(teleporttest.Fault{Method: "GetPluginData", Code: codes.Unavailable, Message: "away"})
		late := u.ask(t) // announced after the hour, and made in it
		time.Sleep(time.Hour)
		heard(t, u, late, "while Teleport does not answer")
		heal()
		time.Sleep(10 * time.Minute)
		heard(t, u, late, "by when it was made", "#security", "alice")
		after := u.ask(t)
		time.Sleep(10 * time.Second)
		heard(t, u, after, "after the hour", "#ops", "alice")
		if strings.Contains(log.String(), "access monitoring rule has parts") || len(failed.kinds()) != 0 {
			t.Errorf("schedules are a problem: %q", failed.kinds())
		}
	})
}

func TestARuleWithABadSchedule(t *testing.T) {
	inWorld(t, func(t *testing.T, u *universe, log *lockedBuffer, failed *counts) {
		u.scheduled(t, -time.Minute, "Asia/Nowhere")
		id := u.ask(t)
		time.Sleep(10 * time.Second)
		heard(t, u, id, "by the static routes", "#ops", "alice")
		if got := failed.kinds(); len(got) != 1 || got[0] != "team schedule" {
			t.Errorf("counted %q", got)
		}
		if n := strings.Count(log.String(), `schedule \"hour\": \"Asia/Nowhere\" is not a time zone`); n != 1 {
			t.Errorf("%d warnings, want one", n)
		}
		u.scheduled(t, -time.Minute, "Asia/Seoul")
		time.Sleep(10 * time.Second)
		heard(t, u, id, "when it is put right", "#ops", "#security", "alice")
	})
}

// What a newer server says beside is named once, and the rest is used.
func TestARuleWithPartsThatHaveNoEffect(t *testing.T) {
	inWorld(t, func(t *testing.T, u *universe, log *lockedBuffer, failed *counts) {
		put := func() {
			t.Helper()
			if err := u.teleport.PutRule(teleporttest.Rule{
				Name: "team", Condition: "true", Recipients: []string{"security"}, ReviewIntegration: "slack", ReviewDecision: "APPROVED", DesiredState: "reviewed",
				Unknown: protowire.AppendString(protowire.AppendTag(nil, 9, protowire.BytesType), "x"),
			}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second)
		}
		put()
		put()
		id := u.ask(t)
		time.Sleep(10 * time.Second)
		heard(t, u, id, "all the same", "#security", "alice")
		want := `msg="access monitoring rule has parts that have no effect" replica=host rule=team error="automatic_review by \"slack\": this program never reviews on its own; spec: field 9 can't be read`
		if n := strings.Count(log.String(), want); n != 1 {
			t.Errorf("%d warnings, want one", n)
		}
	})
}
