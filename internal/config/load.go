package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// maxFileBytes bounds the configuration file. Thousands of roles fit; what is
// longer is some other file.
const maxFileBytes = 4 << 20

// Load reads and checks the file at path, and the files with tokens and
// certificate authorities that it names.
func Load(path string) (Config, []Warning, error) {
	c, warnings, err := Sketch(path)
	if err != nil {
		return Config{}, warnings, err
	}
	return c, warnings, nil
}

// Sketch is Load for an incomplete file. In addition to the problems it returns
// the parts that could be read: sections without a problem are as Load returns
// them, the others are undefined.
func Sketch(path string) (Config, []Warning, error) {
	data, err := readConfig(path)
	if err != nil {
		return Config{}, nil, err
	}
	return sketch(&reader{name: path, readFile: readNamed}, data)
}

// readConfig reads a configuration file; its error is Problems.
func readConfig(path string) ([]byte, error) {
	data, err := readHead(path, maxFileBytes+1)
	if err != nil {
		p := Problem{Place: path, What: fmt.Sprintf("cannot read the configuration: %v", err),
			Do: "name the file with --config"}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			p.Do = fmt.Sprintf("create one with: teleport-slack configure > %s", path)
		case errors.Is(err, fs.ErrPermission):
			p.Do = "give the user that runs teleport-slack read access"
		}
		return nil, Problems{p}
	}
	return data, nil
}

// readNamed reads a file that the configuration names.
func readNamed(path string) ([]byte, error) {
	path, err := credentialPath(path)
	if err != nil {
		return nil, err
	}
	return readHead(path, maxExtraFileBytes)
}

// readHead returns the first limit bytes of a file, so that a device or a
// wrong path cannot eat the memory.
func readHead(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	return io.ReadAll(io.LimitReader(f, limit))
}

// Parse checks data, which came from the file called name, reading the files
// that it names with readFile. The error is Problems: every problem at once, in the
// file's order. Warnings are problems that do not prevent a start; they are
// returned with an error too.
func Parse(name string, data []byte, readFile func(path string) ([]byte, error)) (Config, []Warning, error) {
	c, warnings, err := sketch(&reader{name: name, readFile: readFile}, data)
	if err != nil {
		return Config{}, warnings, err
	}
	return c, warnings, nil
}

func sketch(r *reader, data []byte) (Config, []Warning, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // some editors begin UTF-8 files so
	r.data = data
	if len(data) > maxFileBytes {
		return Config{}, nil, Problems{{Place: r.name, What: fmt.Sprintf("is longer than %d bytes, expected a configuration file", maxFileBytes)}}
	}
	tree, err := parseTree(data)
	if err != nil {
		return Config{}, nil, Problems{r.syntaxProblem(err)}
	}
	cfg := r.read(tree)
	cfg.Path = r.name

	unknown, strict := r.unknownKeys()
	r.problems = append(r.problems, strict...)
	if len(r.problems) > 0 {
		r.problems = append(r.problems, unknown...)
	} else {
		r.warnings = append(r.warnings, unknown...)
	}
	var warnings []Warning
	for _, p := range inFileOrder(r.warnings) {
		warnings = append(warnings, Warning(p))
	}
	if len(r.problems) > 0 {
		return cfg, warnings, Problems(inFileOrder(r.problems))
	}
	return cfg, warnings, nil
}

// syntaxProblem returns the problem for a syntax error, with its line.
func (r *reader) syntaxProblem(err error) Problem {
	what := strings.TrimPrefix(err.Error(), "toml: ")
	offset, ok := syntaxOffset(r.data, err)
	if !ok {
		return r.found(field{at: nowhere}, "", "not TOML: %s", what).Problem
	}
	f := field{at: offset}
	var de *toml.DecodeError
	if errors.As(err, &de) && len(de.Key()) > 0 {
		parts := make([]string, len(de.Key()))
		for i, part := range de.Key() {
			parts[i] = keyPart(part)
		}
		f.key = strings.Join(parts, ".")
	}
	do := ""
	if line := offendingLine(r.data, offset); line != "" {
		do = "the line is: " + line
	}
	return r.found(f, do, "not TOML: %s", what).Problem
}

var (
	showableLine = regexp.MustCompile(`^\s*(\[|["']?[\w.*-]+["']?\s*(=|$))`)
	tokenSetting = regexp.MustCompile(`(?i)(token["']?\s*=?).*`)
)

// offendingLine returns the line around offset as far as it may be shown: a
// line that is not clearly a header or a setting could be the middle of a
// token, and what follows "token" is one.
func offendingLine(data []byte, offset int) string {
	start := bytes.LastIndexByte(data[:offset], '\n') + 1
	line, _, _ := bytes.Cut(data[start:], []byte{'\n'})
	text := strings.TrimSpace(string(bytes.ToValidUTF8(line, []byte("�"))))
	if !showableLine.MatchString(text) {
		return ""
	}
	return clip(tokenSetting.ReplaceAllString(text, "${1} "+mask))
}
