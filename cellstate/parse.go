package cellstate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Read returns the content of the state file at path, for Parse. Of a file that
// is too large it reads one byte too many, which Parse refuses.
func Read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("state file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, fileBytesMax+1))
	if err != nil {
		return nil, fmt.Errorf("state file %s: %w", path, err)
	}
	return data, nil
}

// Parse reads the content of a state file, YAML or JSON (which is YAML); name is
// what problems call the file. The error is of type *Problems.
func Parse(name string, data []byte) (*State, error) {
	r := newReport(name)
	r.lines = map[string]int{"": 1}
	var spec Spec
	if !r.decode(data, &spec) {
		return nil, r.err()
	}
	return compile(r, &spec)
}

// Compile checks a Spec that was built in memory and resolves it, as Parse does
// with one that was read; name is what problems call it.
func Compile(name string, spec *Spec) (*State, error) { return compile(newReport(name), spec) }

// decode fills spec and reports whether the file was a document at all, so that
// it is worth looking for more problems.
func (r *report) decode(data []byte, spec *Spec) bool {
	if len(data) > fileBytesMax {
		r.at("", "is larger than %d bytes, the most a state file may have; split the network into more cells", fileBytesMax)
		return false
	}
	if n := invalidUTF8(data); n >= 0 {
		r.atLine(1+bytes.Count(data[:n], []byte("\n")), "", "is not a text file: byte %d is not UTF-8", n)
		return false
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		r.at("", "is empty; it needs at least version and cell")
		return false
	case err != nil:
		r.syntax(err)
		return false
	}
	switch err := d.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		r.syntax(err)
	default:
		r.atLine(second.Line, "", "has a second document; only one is allowed in a state file")
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		r.atLine(max(doc.Line, 1), "", "is not a state file: it must be a mapping with at least version and cell")
		return false
	}
	r.value(doc.Content[0], reflect.ValueOf(spec).Elem(), "")
	return true
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		c, n := utf8.DecodeRune(data[i:])
		if c == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

var parserError = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntax adds the parser's error, with its line in our place.
func (r *report) syntax(err error) {
	text, line := err.Error(), 1
	if m := parserError.FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
		}
	}
	r.atLine(line, "", "is not valid YAML: %s", text)
}
