package demo

import (
	"errors"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
)

func press(m tea.Model, key rune) (tea.Model, tea.Cmd) {
	return m.Update(tea.KeyPressMsg{Code: key, Text: string(key)})
}

// The keys act on the chosen node, once at a time, and what goes wrong is said.
func TestKeys(t *testing.T) {
	var calls []string
	m := tea.Model(Model{Scene: newScene(t), Act: Act{
		Kill:  func(name string) error { calls = append(calls, "kill "+name); return nil },
		Start: func(string) error { return errors.New("it runs already") },
	}})
	m, _ = m.Update(tea.WindowSizeMsg{Width: 120, Height: 40})
	m, _ = m.Update(tea.KeyPressMsg{Code: tea.KeyRight})
	m, cmd := press(m, 'k')
	if cmd == nil {
		t.Fatal("k does nothing")
	}
	if _, again := press(m, 'k'); again != nil {
		t.Error("a second kill before the first is done")
	}
	m, _ = m.Update(cmd())
	if len(calls) != 1 || calls[0] != "kill node-3" {
		t.Errorf("calls %v", calls)
	}
	m, cmd = press(m, 's')
	m, _ = m.Update(cmd())
	if text := strip(m.View().Content); !strings.Contains(text, "it runs already") {
		t.Errorf("the picture does not say why:\n%s", text)
	}
	for _, quit := range []tea.KeyPressMsg{{Code: 'q', Text: "q"}, {Code: 'c', Mod: tea.ModCtrl}} {
		_, cmd = m.Update(quit)
		if cmd == nil {
			t.Fatalf("%v does not quit", quit)
		}
		if _, ok := cmd().(tea.QuitMsg); !ok {
			t.Errorf("%v does not quit", quit)
		}
	}
}

// The choice goes round.
func TestChoose(t *testing.T) {
	m := tea.Model(Model{Scene: newScene(t)})
	var seen []string
	for range 4 {
		m, _ = m.Update(tea.KeyPressMsg{Code: tea.KeyLeft})
		seen = append(seen, m.(Model).Scene.Selected)
	}
	if got := strings.Join(seen, " "); got != "node-1 node-3 node-2 node-1" {
		t.Errorf("chosen %s", got)
	}
}

// The node that carries most is chosen for the user, until they choose.
func TestSuggest(t *testing.T) {
	m := tea.Model(Model{Scene: newScene(t)})
	for i := range 3 {
		m, _ = m.Update(snapshotMsg(snapshot(t, time.Duration(i)*sampleEvery)))
	}
	if got := m.(Model).Scene.Selected; got != "node-3" {
		t.Errorf("%s is suggested", got)
	}
	m, _ = m.Update(tea.KeyPressMsg{Code: tea.KeyLeft})
	m, _ = m.Update(snapshotMsg(snapshot(t, 4*sampleEvery)))
	if got := m.(Model).Scene.Selected; got != "node-2" {
		t.Errorf("%s, although node-2 was chosen", got)
	}
}

// Snapshots and sizes change the picture, and it takes the whole terminal.
func TestModelDraws(t *testing.T) {
	m := tea.Model(Model{Scene: newScene(t)})
	m, _ = m.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	m, _ = m.Update(snapshotMsg(snapshot(t, 0)))
	m, _ = m.Update(snapshotMsg(snapshot(t, sampleEvery)))
	v := m.View()
	if !v.AltScreen || len(strings.Split(v.Content, "\n")) != 24 {
		t.Error("not the whole terminal")
	}
	if !strings.Contains(strip(v.Content), "all 9 processes run") {
		t.Errorf("picture:\n%s", strip(v.Content))
	}
}
