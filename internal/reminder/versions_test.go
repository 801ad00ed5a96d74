package reminder_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// TestEveryVersionOfTeleport is the part of the scenarios in package app that takes
// days: who is reminded of a list with an owner of its own and one through another
// list.
func TestEveryVersionOfTeleport(t *testing.T) {
	reminded := map[string][]string{ // by version
		"13": nil, // has no access lists
		"15": {alice}, "17": {alice, bob}, "18.2": {alice, bob}, "18.11": {alice, bob}, "19": {alice, bob},
		"20": nil, // refuses this client
	}
	for _, version := range teleporttest.Versions() {
		t.Run(version, func(t *testing.T) {
			want, ok := reminded[version]
			if !ok {
				t.Fatal("what this version should do is not said")
			}
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, teleporttest.Options{ServerVersion: version}, slacktest.DefaultScopes())
				defer w.close()
				w.must(w.teleport.SetAccessList(teleporttest.AccessList{
					Name: "l", Title: "List", Owners: []string{"alice@example.com"}, OwnerLists: []string{"others"},
					InheritedOwners: []string{"bob@example.com"}, NextAudit: time.Now().Add(10 * day), NotifyBefore: 14 * day,
				}))
				w.start("host")
				time.Sleep(2 * day)
				for _, who := range []string{alice, bob} {
					if got, want := len(w.slack.DirectMessages(who)), slices.Contains(want, who); (got == 1) != want || got > 1 {
						t.Errorf("%s has %d reminders, want one: %v", who, got, want)
					}
				}
			})
		})
	}
}
