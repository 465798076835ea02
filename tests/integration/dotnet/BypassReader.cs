// Copyright: (c) 2026, the pushops.securemail contributors
// SPDX-License-Identifier: GPL-3.0-or-later
// What .NET's own classes make of a <defaultProxy> (BypassReader.exe.config) and of regular expressions.
//   BypassReader.exe proxy URL...         one line a URL: "direct", or the proxy it goes through
//   BypassReader.exe regex < lines        lines of pattern, tab, text: "matches", "misses" or "invalid"
using System;
using System.Net;
using System.Text.RegularExpressions;

static class BypassReader
{
    // As WebProxy compiles the entries of its bypass list.
    const RegexOptions Options = RegexOptions.IgnoreCase | RegexOptions.CultureInvariant;

    static void Main(string[] words)
    {
        if (words[0] == "regex")
            for (string line = Console.ReadLine(); line != null; line = Console.ReadLine())
                Console.WriteLine(Judge(line.Split('\t')));
        else
            for (int i = 1; i < words.Length; i++)
                Console.WriteLine(Route(new Uri(words[i])));
    }

    static string Route(Uri url)
    {
        IWebProxy proxy = WebRequest.DefaultWebProxy;
        return proxy.IsBypassed(url) ? "direct" : proxy.GetProxy(url).ToString();
    }

    static string Judge(string[] pair)
    {
        try
        {
            return new Regex(pair[0], Options).IsMatch(pair[1]) ? "matches" : "misses";
        }
        catch (ArgumentException)
        {
            return "invalid";
        }
    }
}
