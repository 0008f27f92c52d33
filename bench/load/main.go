package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// ReadyLine is what a server prints once it listens.
const ReadyLine = "listening"

// programs are the loads by name. Each decodes its own settings.
var programs = map[string]func(ctx context.Context, config []byte, ready func()) (any, error){
	"flood":    program(Flood),
	"count":    program(Count),
	"connect":  program(Connect),
	"answer":   program(Answer),
	"pingpong": program(PingPong),
}

// Main runs the named program with its JSON settings and writes its answer to
// out. It ends early, with an answer, when ctx is done.
func Main(ctx context.Context, name, config string, out io.Writer) error {
	p, ok := programs[name]
	if !ok {
		return fmt.Errorf("no load is called %q", name)
	}
	result, err := p(ctx, []byte(config), func() { fmt.Fprintln(out, ReadyLine) })
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return json.NewEncoder(out).Encode(result)
}

// program adapts a typed load to the table: strict decoding of its settings.
func program[C, R any](run func(context.Context, C, func()) (R, error)) func(context.Context, []byte, func()) (any, error) {
	return func(ctx context.Context, config []byte, ready func()) (any, error) {
		var c C
		d := json.NewDecoder(bytes.NewReader(config))
		d.DisallowUnknownFields()
		if err := d.Decode(&c); err != nil {
			return nil, fmt.Errorf("settings: %w", err)
		}
		return run(ctx, c, ready)
	}
}

// Args is the command line of a program, without the binary and its "bench".
func Args(name string, config any) ([]string, error) {
	b, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("%s: settings: %w", name, err)
	}
	return []string{name, string(b)}, nil
}

// ParseAnswer reads a program's last line of output into result.
func ParseAnswer(output string, result any) error {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	last := lines[len(lines)-1]
	if err := json.Unmarshal([]byte(last), result); err != nil {
		return fmt.Errorf("answer %q: %w", last, err)
	}
	return nil
}
