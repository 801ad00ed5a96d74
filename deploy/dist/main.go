// Command dist packs built programs for release: archives, a deb and an rpm
// for each architecture, a list of what is in each program (SBOM), the Helm
// chart, the roots of the container images, and checksums of all of it.
//
// The same commit gives the same bytes: every time in it is the commit's, every
// list is sorted, nothing of the machine goes in. The programs are built by
// the Makefile, which knows how.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// release is what is packed.
type release struct {
	version string // without a v
	commit  string
	time    time.Time // of the commit
	bins    string    // has linux_ARCH/teleport-slack
	out     string
}

// architectures that are released, as Go calls them.
var architectures = []string{"amd64", "arm64"}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var r release
	var root string
	var unix int64
	var imagesOnly bool
	flags := flag.NewFlagSet("dist", flag.ContinueOnError)
	flags.StringVar(&root, "root", "..", "the repository")
	flags.StringVar(&r.version, "version", "", "the version, with or without a v; empty for one made of the commit")
	flags.StringVar(&r.commit, "commit", "", "the commit")
	flags.Int64Var(&unix, "time", 0, "the commit's `seconds` since 1970")
	flags.StringVar(&r.bins, "bins", "dist/.bin", "where the programs are, in linux_ARCH/")
	flags.StringVar(&r.out, "out", "dist", "where the files go")
	flags.BoolVar(&imagesOnly, "images", false, "lay out the roots of the container images, and nothing else")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if r.commit == "" || unix == 0 {
		return errors.New("-commit and -time are needed")
	}
	r.version = versionOf(r.version, r.commit)
	r.time = time.Unix(unix, 0).UTC()
	if err := os.Chdir(root); err != nil {
		return err
	}
	if imagesOnly {
		return r.images()
	}
	return r.pack()
}

// versionOf returns a semantic version. Without a tag it is before everything.
func versionOf(version, commit string) string {
	if version == "" {
		return "0.0.0-dev." + commit[:min(12, len(commit))]
	}
	return strings.TrimPrefix(version, "v")
}

func (r release) pack() error {
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	for _, arch := range architectures {
		if err := r.archive(arch); err != nil {
			return fmt.Errorf("archive for %s: %w", arch, err)
		}
		if err := r.packages(arch); err != nil {
			return fmt.Errorf("packages for %s: %w", arch, err)
		}
		if err := r.sbom(arch); err != nil {
			return fmt.Errorf("sbom for %s: %w", arch, err)
		}
	}
	if err := r.chart(); err != nil {
		return fmt.Errorf("chart: %w", err)
	}
	return r.checksums()
}

// bin is the program for an architecture.
func (r release) bin(arch string) string {
	return filepath.Join(r.bins, "linux_"+arch, "teleport-slack")
}

// file is where a released file goes.
func (r release) file(format string, args ...any) string {
	return filepath.Join(r.out, fmt.Sprintf(format, args...))
}
