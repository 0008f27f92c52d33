package golden

import "testing"

const text = `# Guards nothing.

# This is only said.

# Why it is done.
do this
with that
# not to be read
and that
----
it was done
twice

look
----
`

func TestParse(t *testing.T) {
	s := Parse(text)
	if got := s.String(); got != text {
		t.Errorf("a script comes back as\n%s", got)
	}
	if len(s.Blocks) != 4 || s.Blocks[0].Step || s.Blocks[1].Step || !s.Blocks[2].Step || !s.Blocks[3].Step {
		t.Fatalf("%+v", s.Blocks)
	}
	command, argument := s.Blocks[2].Command()
	if command != "do this" || argument != "with that\nand that" {
		t.Errorf("command %q, argument %q", command, argument)
	}
	if got := s.Blocks[2].Happened; got != "it was done\ntwice\n" {
		t.Errorf("happened: %q", got)
	}
	if command, _ := s.Blocks[0].Command(); command != "" {
		t.Errorf("a comment has the command %q", command)
	}
}

// What happened is replaced, whatever stood there.
func TestHappened(t *testing.T) {
	s := Parse("do\n----\nold")
	s.Blocks[0].Happened = "new\n"
	if got := s.String(); got != "do\n----\nnew\n" {
		t.Errorf("%q", got)
	}
}
