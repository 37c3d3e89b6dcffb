package report

import "testing"

func TestClean(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "a b-c_d", "a b-c_d"},
		{"accents and scripts", "Zoë 生命 café", "Zoë 生命 café"},
		{"joined emoji", "👩\u200d💻", "👩\u200d💻"},
		{"line breaks", "a\r\nb\tc\u2028d\u0085e", "a  b c d e"},
		{"colour", "\x1b[31mred\x1b[0m", "red"},
		{"cursor", "a\x1b[2J\x1b[1;1Hb", "ab"},
		{"8-bit CSI", "a\u009b31mb", "ab"},
		{"title by BEL", "a\x1b]0;owned\ab", "ab"},
		{"title by ST", "a\x1b]0;owned\x1b\\b", "ab"},
		{"link", "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\", "click"},
		{"two-character escape", "a\x1bcb", "ab"},
		{"escape at the end", "a\x1b", "a\uFFFD"},
		{"CSI at the end", "a\x1b[31", "a"},
		{"CSI cut short by text", "a\x1b[3\nb", "a b"},
		{"OSC without an end", "a\x1b]0;x", "a0;x"},
		{"bell and backspace", "a\a\bb", "a\uFFFD\uFFFDb"},
		{"right to left", "invoice\u202efdp.exe", "invoice\uFFFDfdp.exe"},
		{"isolates", "a\u2066b\u2069", "a\uFFFDb\uFFFD"},
		{"zero width", "pay\u200bpal\ufeff", "pay\uFFFDpal\uFFFD"},
		{"tag characters", "a\U000e0041b", "a\uFFFDb"},
		{"no UTF-8", "a\xffb", "a\uFFFDb"},
	}
	for _, tt := range tests {
		if got := clean(tt.in); got != tt.want {
			t.Errorf("%s: clean(%q) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
		if again := clean(clean(tt.in)); again != clean(tt.in) {
			t.Errorf("%s: cleaning twice gives %q", tt.name, again)
		}
	}
}

func TestMarkdownText(t *testing.T) {
	tests := []struct{ in, want string }{
		{"a|b", `a\|b`},
		{"a\nb", "a b"},
		{"**b** _i_ `c`", "\\*\\*b\\*\\* \\_i\\_ \\`c\\`"},
		{"[x](http://evil)", `\[x\](http&#58;//evil)`},
		{"<b>&amp;", "&lt;b&gt;&amp;amp;"},
		{"@everyone see org/repo#1", "@&#8203;everyone see org/repo#&#8203;1"},
		{`\|`, `\\\|`},
	}
	m := &markdown{escape: markdownEscapes()}
	for _, tt := range tests {
		if got := m.text(tt.in); got != tt.want {
			t.Errorf("text(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}
