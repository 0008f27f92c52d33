package golden

import "strings"

// Script is one file. Parse and String are inverse to each other, but for empty
// lines at the ends.
type Script struct {
	Blocks []Block
}

// Block is a step, or a comment.
type Block struct {
	// Text is the block as it stands above the dashes, without the last newline.
	Text string
	// Step: there are dashes, and Text holds a command.
	Step bool
	// Happened is what stands below the dashes, each line with its newline.
	Happened string
}

// dashes part what is done from what happened.
const dashes = "\n----"

// Parse reads a script.
func Parse(text string) *Script {
	s := &Script{}
	for block := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		above, below, step := strings.Cut(block, dashes)
		b := Block{Text: above, Step: step}
		if below = strings.Trim(below, "\n"); below != "" {
			b.Happened = below + "\n"
		}
		s.Blocks = append(s.Blocks, b)
	}
	return s
}

// String is the script's file.
func (s *Script) String() string {
	var out strings.Builder
	for i, b := range s.Blocks {
		if i > 0 {
			out.WriteString("\n")
		}
		out.WriteString(b.Text + "\n")
		if b.Step {
			out.WriteString(strings.TrimPrefix(dashes, "\n") + "\n" + b.Happened)
		}
	}
	return out.String()
}

// Command is a step's first line that is no comment, and its argument: the other
// such lines.
func (b *Block) Command() (command, argument string) {
	var lines []string
	for line := range strings.Lines(b.Text) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return "", ""
	}
	return strings.TrimSpace(lines[0]), strings.Join(lines[1:], "")
}
