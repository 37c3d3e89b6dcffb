package main

import "github.com/autodefend/autodefend/internal/waas/rules"

// The names of package rules' constants, for the generated source.

func classNames() [rules.Classes]string {
	return [...]string{"SQLi", "XSS", "CMDi", "CodeInjection", "LFI", "AttackTools", "Shellshock", "MalformedRequest"}
}

func severityNames() [4]string { return [...]string{"Notice", "Warning", "Error", "Critical"} }

func variableNames() [rules.Variables]string {
	return [...]string{
		"Args", "ArgsNames", "ArgsGet", "ArgsGetNames", "Cookies", "CookiesNames", "Headers", "HeadersNames", "Filename",
		"Basename", "URI", "URIRaw", "Line", "Method", "Protocol", "QueryString", "Body", "BodyLength", "BodyProcessor",
		"Files", "FilesNames", "PartHeaders", "XML", "XMLAttributes", "MatchedVar", "MatchedVars", "Capture", "Macro",
	}
}

func operatorNames() [rules.Operators]string {
	return [...]string{
		"Rx", "Pm", "PmFromFile", "DetectSQLi", "DetectXSS", "StrEq", "Contains", "Within", "BeginsWith", "EndsWith",
		"Eq", "Gt", "Lt", "ValidateByteRange", "ValidateURLEncoding", "ValidateUTF8Encoding",
	}
}

func transformNames() [rules.Transforms]string {
	return [...]string{
		"None", "Base64Decode", "CmdLine", "CompressWhitespace", "CSSDecode", "EscapeSeqDecode", "HTMLEntityDecode",
		"JSDecode", "Length", "Lowercase", "NormalizePath", "NormalizePathWin", "RemoveCommentsChar", "RemoveNulls",
		"RemoveWhitespace", "ReplaceComments", "URLDecode", "URLDecodeUni", "UTF8ToUnicode",
	}
}

func levelNames() [rules.Strict + 1]string { return [...]string{"", "Default", "Core", "Strict"} }
