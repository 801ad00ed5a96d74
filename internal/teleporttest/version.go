package teleporttest

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
)

// lastVersionWithoutList is the newest major version that has neither
// ListAccessRequests nor the users service, login states, rules and access lists.
const lastVersionWithoutList = 13

// serverVersion is the version that the server claims, which an "upgrade" may
// change.
type serverVersion struct {
	v atomic.Pointer[parsedVersion]
}

type parsedVersion struct {
	text  string
	major int
	minor int
}

func newServerVersion(text string) (*serverVersion, error) {
	var v serverVersion
	return &v, v.set(text)
}

func (v *serverVersion) set(text string) error {
	major, rest, ok := strings.Cut(text, ".")
	minor, _, ok2 := strings.Cut(rest, ".")
	maj, err := strconv.Atoi(major)
	mino, err2 := strconv.Atoi(minor)
	if !ok || !ok2 || err != nil || err2 != nil {
		return fmt.Errorf("server version %q is not like 18.2.0", text)
	}
	v.v.Store(&parsedVersion{text: text, major: maj, minor: mino})
	return nil
}

func (v *serverVersion) get() string { return v.v.Load().text }

// hasOnBehalf reports whether reviews can be submitted on behalf of others: 18.11.
func (v *serverVersion) hasOnBehalf() bool {
	p := v.v.Load()
	return p.major > 18 || p.major == 18 && p.minor >= 11
}

func (v *serverVersion) hasList() bool { return v.v.Load().major > lastVersionWithoutList }

// hasRules reports whether there are access monitoring rules and login states. Real
// ones came one by one in 14 and 15, which are not distinguished.
func (v *serverVersion) hasRules() bool { return v.hasList() }

// SetServerVersion is an upgrade or downgrade of the server; the rules are
// those of Options.ServerVersion.
func (s *Server) SetServerVersion(version string) error {
	return s.version.set(version)
}
