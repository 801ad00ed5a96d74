//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// programs are what the stories run. The Makefile builds them and says where
// they are; by hand they are found where it puts them.
type programs struct {
	plugin, teleport, tctl, tbot string
}

func TestMain(m *testing.M) {
	if err := findPrograms(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	code := m.Run()
	fmt.Println(total.String())
	os.Exit(code)
}

// paths returns where the programs are.
func paths() programs {
	servers := filepath.Join("servers", "bin")
	p := programs{
		plugin:   filepath.Join("..", "bin", "teleport-slack"),
		teleport: filepath.Join(servers, "teleport"),
		tctl:     filepath.Join(servers, "tctl"),
		tbot:     filepath.Join(servers, "tbot"),
	}
	if v := os.Getenv("TELEPORT_SLACK"); v != "" {
		p.plugin = v
	}
	// The processes run in folders of their own, so relative names won't do.
	for _, s := range []*string{&p.plugin, &p.teleport, &p.tctl, &p.tbot} {
		if abs, err := filepath.Abs(*s); err == nil {
			*s = abs
		}
	}
	return p
}

func findPrograms() error {
	p := paths()
	for _, path := range []string{p.teleport, p.tctl, p.tbot} {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("%w: build it with \"make e2e-servers\"", err)
		}
	}
	if _, err := os.Stat(p.plugin); err != nil {
		return fmt.Errorf("%w: build it with \"make build\"", err)
	}
	return nil
}
