#!/bin/sh
# Writes a CycloneDX 1.5 list of the machine's contents to
# /usr/share/sce/manifest.json: Debian's packages, our programs and their
# crates. Packer runs it as root and downloads the file. The same machine
# produces the same bytes. Must never need more than awk: a worker has neither
# Python nor jq.
set -eu
# shellcheck source=role.sh
. "$(dirname "$0")/role.sh"
export LC_ALL=C

# Escape text for JSON, and for a part of a package URL.
functions='
function json(s) { gsub(/[[:cntrl:]]/, "?", s); gsub(/\\/, "&&", s); gsub(/"/, "\\\\&", s); return "\"" s "\"" }
function url(s) { gsub(/%/, "%25", s); gsub(/\+/, "%2B", s); gsub(/#/, "%23", s); gsub(/\?/, "%3F", s); gsub(/@/, "%40", s); gsub(/ /, "%20", s); return s }
function component(type, ref, name, version, rest) {
    print "{\"type\":" json(type) ",\"bom-ref\":" json(ref) ",\"name\":" json(name) ",\"version\":" json(version) rest "}"
}
function sha256(s) { return ",\"hashes\":[{\"alg\":\"SHA-256\",\"content\":" json(s) "}]" }
'

debian() {
    dpkg-query -W -f '${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\n' |
        awk -F '\t' -v own=" $own " "$functions"'
            $1 == "installed" && !index(own, " " $2 " ") {
                purl = "pkg:deb/debian/" url($2) "@" url($3) "?arch=" url($4)
                component("library", purl, $2, $3, ",\"purl\":" json(purl))
            }'
}

# A crate without a source is one of ours and is in no registry.
crates() {
    awk -F '"' "$functions"'
        function flush(   purl) {
            if (name == "") return
            purl = "pkg:cargo/" url(name) "@" url(version)
            component("library", purl, name, version, (sum == "" ? "" : sha256(sum)) (source == "" ? "" : ",\"purl\":" json(purl)))
        }
        /^\[/ { flush(); name = version = source = sum = "" }
        /^name = / { name = $2 }
        /^version = "/ { version = $2 }
        /^source = / { source = $2 }
        /^checksum = / { sum = $2 }
        END { flush() }' "$1"
}

program() {
    digest=$(sha256sum "/usr/bin/$1")
    awk -v name="$1" -v version="$2" -v sum="${digest%% *}" "$functions"'
        BEGIN { component("application", name, name, version, sha256(sum)) }'
}

version=
parts=$(mktemp)
trap 'rm -f "$parts"' EXIT
echo '{"type":"operating-system","bom-ref":"debian","name":"debian","version":"12"}' >>"$parts"
debian >>"$parts"
for name in $own; do
    lock=/usr/share/$name/Cargo.lock
    [ -e "$lock" ] || { echo "package $name: ships no Cargo.lock, so its crates are unknown" >&2; exit 1; }
    version=$(dpkg-query -W -f '${Version}' "$name")
    crates "$lock" >>"$parts"
    program "$name" "$version" >>"$parts"
done

mkdir -p /usr/share/sce
{
    printf '{\n"bomFormat":"CycloneDX",\n"specVersion":"1.5",\n"version":1,\n'
    printf '"metadata":{"component":{"type":"operating-system","bom-ref":"image","name":"sce-%s","version":"%s"}},\n' "$role" "$version"
    printf '"components":[\n'
    sort -u "$parts" | sed '$!s/$/,/'
    printf ']\n}\n'
} >/usr/share/sce/manifest.json
chmod 644 /usr/share/sce/manifest.json
