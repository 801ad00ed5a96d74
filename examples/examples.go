// Package examples holds the complete configurations of its folders, which the
// demo plays and the tests check: what is shown is what is copied.
//
// It parses nothing.
package examples

import (
	"embed"
	"io/fs"
)

//go:embed */teleport-slack.toml
var files embed.FS

// Config returns the configuration file of one folder.
func Config(folder string) ([]byte, error) { return fs.ReadFile(files, folder+"/teleport-slack.toml") }
