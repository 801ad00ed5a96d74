package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// credential begins the path of a file among the credentials that systemd
// gives to a service with LoadCredential: "%d/slack-token". It is systemd's
// own name for that directory, which only the service can read.
const credential = "%d/"

// credentialsVariable is the environment variable with that directory.
const credentialsVariable = "CREDENTIALS_DIRECTORY"

// isPath reports whether a token setting names a file.
func isPath(text string) bool {
	return strings.HasPrefix(text, "/") || strings.HasPrefix(text, credential)
}

// credentialPath returns path with systemd's directory in it.
func credentialPath(path string) (string, error) {
	name, ok := strings.CutPrefix(path, credential)
	if !ok {
		return path, nil
	}
	dir := os.Getenv(credentialsVariable)
	if dir == "" {
		return "", errors.New(path + " is a credential of systemd, and " + credentialsVariable + " is not set")
	}
	return filepath.Join(dir, name), nil
}
