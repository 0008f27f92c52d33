package lab

import (
	"io"
	"os"
	"strings"
	"sync"
)

// output keeps what a process writes.
type output struct{ stdout, stderr text }

// text is a bounded, watchable buffer.
type text struct {
	mu    sync.Mutex
	b     []byte
	want  string
	found chan struct{}
}

// watch returns a channel that is closed once the text holds want.
func (t *text) watch(want string) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.want, t.found = want, make(chan struct{})
	return t.found
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if len(t.b) > outputBytesMax {
		t.b = append(t.b[:outputBytesMax/4], t.b[len(t.b)-outputBytesMax/4:]...)
	}
	if t.want != "" && strings.Contains(string(t.b), t.want) {
		t.want = ""
		close(t.found)
	}
	return len(p), nil
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}

// Tail is the last lines of a log, as far as it can be read.
func Tail(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	if end, err := f.Seek(0, io.SeekEnd); err == nil {
		f.Seek(max(0, end-tailBytes), io.SeekStart)
	}
	data, _ := io.ReadAll(io.LimitReader(f, tailBytes))
	return lastLines(string(data))
}

func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}
