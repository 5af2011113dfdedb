package extract

import (
	"strings"
	"unicode"
)

// equation is an equation of OOXML (oMath, oMathPara) as LaTeX, without the signs around it.
func equation(e *element) string {
	var s strings.Builder
	for _, kid := range e.kids {
		if kid.name != "" {
			s.WriteString(mathTerm(kid))
		}
	}
	return s.String()
}

// mathTerm is one part of an equation. Spaces stand where LaTeX needs them, which is after the name of a command.
func mathTerm(e *element) string {
	switch e.name {
	case "t":
		return mathSymbols(e.content())
	case "f":
		return fraction(e)
	case "sSup":
		return grouped(e.child("e")) + "^" + braced(e.child("sup"))
	case "sSub":
		return grouped(e.child("e")) + "_" + braced(e.child("sub"))
	case "sSubSup":
		return grouped(e.child("e")) + "_" + braced(e.child("sub")) + "^" + braced(e.child("sup"))
	case "sPre":
		return "{}_" + braced(e.child("sub")) + "^" + braced(e.child("sup")) + mathOf(e.child("e"))
	case "limLow":
		return grouped(e.child("e")) + "_" + braced(e.child("lim"))
	case "limUpp":
		return grouped(e.child("e")) + "^" + braced(e.child("lim"))
	case "rad":
		if degree := mathOf(e.child("deg")); degree != "" {
			return `\sqrt[` + degree + `]` + braced(e.child("e"))
		}
		return `\sqrt` + braced(e.child("e"))
	case "nary":
		return largeOperator(e)
	case "d":
		return delimited(e)
	case "func":
		return functionName(mathOf(e.child("fName"))) + "(" + mathOf(e.child("e")) + ")"
	case "acc", "groupChr", "bar":
		return accented(e)
	case "eqArr":
		return `\begin{aligned}` + rowsJoined(e, "e", ` \\ `) + `\end{aligned}`
	case "m":
		return matrix(e)
	case "rPr", "ctrlPr", "":
		return ""
	default:
		if strings.HasSuffix(e.name, "Pr") { // properties, as each kind of part has them
			return ""
		}
		return equation(e)
	}
}

func mathOf(e *element) string {
	if e == nil {
		return ""
	}
	return equation(e)
}

func braced(e *element) string { return "{" + mathOf(e) + "}" }

// grouped puts braces around a base that an exponent would otherwise tear.
func grouped(e *element) string {
	base := mathOf(e)
	if strings.HasPrefix(base, `\frac`) || strings.ContainsAny(base, "+-=^_ ") && !strings.HasPrefix(base, `\`) {
		return "{" + base + "}"
	}
	return base
}

func fraction(e *element) string {
	num, den := braced(e.child("num")), braced(e.child("den"))
	switch e.at("fPr", "type").attr("val") {
	case "noBar":
		return `\genfrac{}{}{0pt}{}` + num + den
	case "lin":
		return num + "/" + den
	default:
		return `\frac` + num + den
	}
}

func largeOperator(e *element) string {
	sign := "∫"
	if chr := e.at("naryPr", "chr"); chr != nil {
		sign = chr.attr("val")
	}
	s := strings.TrimSuffix(mathSymbols(sign), " ")
	if sub := mathOf(e.child("sub")); sub != "" {
		s += "_{" + sub + "}"
	}
	if sup := mathOf(e.child("sup")); sup != "" {
		s += "^{" + sup + "}"
	}
	return s + " " + mathOf(e.child("e"))
}

func delimited(e *element) string {
	properties := e.child("dPr")
	sign := func(name, usual string) string {
		if chr := properties.child(name); chr != nil {
			usual = chr.attr("val")
		}
		switch usual {
		case "":
			return "."
		case "{", "}":
			return `\` + usual
		}
		return mathSymbols(usual)
	}
	var parts []string
	for _, kid := range e.kids {
		if kid.name == "e" {
			parts = append(parts, equation(kid))
		}
	}
	separator := "|"
	if chr := properties.child("sepChr"); chr != nil {
		separator = chr.attr("val")
	}
	return `\left` + sign("begChr", "(") + strings.Join(parts, separator) + `\right` + sign("endChr", ")")
}

// accents are the commands of signs above or below an expression.
var accents = map[string]string{
	"\u0302": `\hat`, "\u0303": `\tilde`, "\u0304": `\bar`, "\u0305": `\overline`, "\u0307": `\dot`, "\u0308": `\ddot`,
	"\u030c": `\check`, "\u20d7": `\vec`, "⏞": `\overbrace`, "⏟": `\underbrace`, "→": `\overrightarrow`, "←": `\overleftarrow`,
}

func accented(e *element) string {
	properties := e.child(e.name + "Pr")
	usual := map[string]string{"acc": `\hat`, "groupChr": `\underbrace`, "bar": `\overline`}[e.name]
	if e.name == "bar" && properties.child("pos").attr("val") != "top" {
		usual = `\underline`
	}
	if chr := properties.child("chr"); chr != nil {
		usual = accents[chr.attr("val")]
	}
	return usual + braced(e.child("e"))
}

// matrix writes rows of cells.
func matrix(e *element) string {
	var rows []string
	for _, row := range e.kids {
		if row.name == "mr" {
			rows = append(rows, rowsJoined(row, "e", " & "))
		}
	}
	return `\begin{matrix}` + strings.Join(rows, ` \\ `) + `\end{matrix}`
}

func rowsJoined(e *element, name, separator string) string {
	var parts []string
	for _, kid := range e.kids {
		if kid.name == name {
			parts = append(parts, equation(kid))
		}
	}
	return strings.Join(parts, separator)
}

// functionName makes a command of the functions that LaTeX knows.
func functionName(name string) string {
	switch name {
	case "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "log", "ln", "lg",
		"exp", "lim", "max", "min", "sup", "inf", "det", "dim", "gcd", "ker", "arg", "deg":
		return `\` + name
	}
	return name
}

// mathSymbols writes the characters of an equation that LaTeX has a command for. Letters in italics and other
// styles of their own code points become plain letters.
func mathSymbols(text string) string {
	var s strings.Builder
	for _, r := range text {
		r = plainLetter(r)
		if command := mathCommands[r]; command != "" {
			s.WriteString(`\` + command + " ")
			continue
		}
		if unicode.IsSpace(r) {
			r = ' '
		}
		s.WriteRune(r)
	}
	return s.String()
}

// plainLetter takes the style off the mathematical letters and digits of U+1D400 to U+1D7FF, which lie there in
// alphabets of 52 Latin letters, 58 Greek letters and signs, and 10 digits each.
func plainLetter(r rune) rune {
	switch {
	case r >= 0x1d400 && r < 0x1d6a4:
		n := (r - 0x1d400) % 52
		if n < 26 {
			return 'A' + n
		}
		return 'a' + n - 26
	case r >= 0x1d6a8 && r < 0x1d7ca:
		return greekAlphabet[(r-0x1d6a8)%58]
	case r >= 0x1d7ce && r <= 0x1d7ff:
		return '0' + (r-0x1d7ce)%10
	case r == 0x210e: // the italic h is not in the block
		return 'h'
	}
	return r
}

var greekAlphabet = []rune("ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΘΣΤΥΦΧΨΩ∇αβγδεζηθικλμνξοπρςστυφχψω∂ϵϑϰϕϱϖ")

var mathCommands = map[rune]string{
	'α': "alpha", 'β': "beta", 'γ': "gamma", 'δ': "delta", 'ε': "varepsilon", 'ϵ': "epsilon", 'ζ': "zeta", 'η': "eta", 'θ': "theta",
	'ι': "iota", 'κ': "kappa", 'λ': "lambda", 'μ': "mu", 'ν': "nu", 'ξ': "xi", 'π': "pi", 'ρ': "rho", 'σ': "sigma", 'τ': "tau",
	'υ': "upsilon", 'φ': "varphi", 'ϕ': "phi", 'χ': "chi", 'ψ': "psi", 'ω': "omega", 'Γ': "Gamma", 'Δ': "Delta", 'Θ': "Theta",
	'Λ': "Lambda", 'Ξ': "Xi", 'Π': "Pi", 'Σ': "Sigma", 'Φ': "Phi", 'Ψ': "Psi", 'Ω': "Omega",
	'×': "times", '÷': "div", '±': "pm", '∓': "mp", '⋅': "cdot", '∙': "cdot", '∗': "ast", '≤': "leq", '≥': "geq", '≠': "neq", '≈': "approx",
	'≡': "equiv", '∝': "propto", '∞': "infty", '∂': "partial", '∇': "nabla", '∑': "sum", '∏': "prod", '∐': "coprod", '∫': "int",
	'∬': "iint", '∭': "iiint", '∮': "oint", '∯': "oiint", '∰': "oiiint", '⋃': "bigcup", '⋂': "bigcap", '⋁': "bigvee",
	'⋀': "bigwedge", '∪': "cup", '∩': "cap", '∈': "in", '∉': "notin", '⊂': "subset", '⊆': "subseteq", '⊃': "supset", '∅': "emptyset",
	'∀': "forall", '∃': "exists", '¬': "neg", '∧': "wedge", '∨': "vee", '→': "to", '←': "leftarrow", '↔': "leftrightarrow",
	'⇒': "Rightarrow", '⇐': "Leftarrow", '⇔': "Leftrightarrow", '…': "ldots", '⋯': "cdots", '⋮': "vdots", '⋱': "ddots", '′': "prime",
	'√': "surd", '∠': "angle", '⊥': "perp", '∥': "parallel", '°': "circ", 'ℏ': "hbar", 'ℓ': "ell", 'ℜ': "Re", 'ℑ': "Im",
	'⟨': "langle", '⟩': "rangle", '⌊': "lfloor", '⌋': "rfloor", '⌈': "lceil", '⌉': "rceil", '‖': "Vert",
}
