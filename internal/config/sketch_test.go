package config

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A file that isn't finished says what it says, beside what is wrong with it.
func TestSketch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.toml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("[teleport]\naddr = 'there:443'\nidentity = '/id'\n[review]\nenabled = true\n")
	c, _, err := Sketch(path)
	var problems Problems
	if !errors.As(err, &problems) || len(problems) < 3 {
		t.Errorf("problems: %v", err)
	}
	if c.Teleport.Addr != "there:443" || !c.Review.Enabled || c.Path != path {
		t.Errorf("got %+v", c)
	}
	if loaded, _, err := Load(path); err == nil || loaded.Teleport.Addr != "" {
		t.Errorf("Load returns %+v and %v of the same file", loaded, err)
	}
	write("[teleport\n")
	if c, _, err := Sketch(path); err == nil || c.Teleport.Addr != "" {
		t.Errorf("no TOML: %+v, %v", c, err)
	}
	write(sound)
	loaded, _, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	sketched, _, err := Sketch(path)
	if err != nil || sketched.Teleport != loaded.Teleport {
		t.Errorf("of a sound file: %+v, %v; Load says %+v", sketched, err, loaded)
	}
}
