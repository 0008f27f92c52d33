package demo

import "charm.land/lipgloss/v2"

// Style is how a character looks. What it means is always said by the text,
// too: there are terminals and people without colours.
type Style uint8

const (
	Plain Style = iota
	Faint
	Strong
	Head // of a section
	Good
	Bad
	Wire   // a connection that carries packets
	Key    // on the keyboard
	Figure // a number that lives
	vpc0   // the first VPC's colour; the others follow
)

// vpcColours are those of the first VPCs; they repeat from there on. They
// differ for people who see red and green alike, too.
var vpcColours = []string{"39", "78", "214", "177", "203", "51"}

var looks = func() map[Style]lipgloss.Style {
	s := lipgloss.NewStyle
	m := map[Style]lipgloss.Style{
		Faint:  s().Foreground(lipgloss.Color("243")),
		Strong: s().Bold(true),
		Head:   s().Bold(true).Foreground(lipgloss.Color("110")),
		Good:   s().Foreground(lipgloss.Color("78")),
		Bad:    s().Bold(true).Foreground(lipgloss.Color("203")),
		Wire:   s().Foreground(lipgloss.Color("110")),
		Key:    s().Bold(true).Foreground(lipgloss.Color("222")),
		Figure: s().Foreground(lipgloss.Color("222")),
	}
	for i, c := range vpcColours {
		m[vpc0+Style(i)] = s().Foreground(lipgloss.Color(c))
	}
	return m
}()

func (s Style) render(text string) string {
	if look, ok := looks[s]; ok {
		return look.Render(text)
	}
	return text
}

// vpcStyle is the colour of a VPC.
func (l *Layout) vpcStyle(name string) Style {
	for i, v := range l.VPCs {
		if v == name {
			return vpc0 + Style(i%len(vpcColours))
		}
	}
	return Plain
}
