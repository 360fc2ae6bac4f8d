#!/bin/sh
# Generate random people with FaceGen's SDK, as in the thesis's listing 4.1.
#
# generate_faces.sh COUNT [OUT]
#
# People 1 … COUNT go to OUT/NNNNN (by default, beside this script): a mesh in the BFM layout, and
# three photos with the poses and cameras that took them. People who are there already are kept,
# and a person appears whole or not at all, so the same command goes on where it was stopped.
#
# FACEGEN_SAM (by default the current folder) is the folder of FaceGen's models. It holds
#   Head/ and BFM/              the head's model, and one integrated with the Basel Face Model
#   _random_settings.xml        made by: fg3 random setup
#   front.xml left.xml right.xml   render settings, made by: fg3 render NAME base_mesh.tri base_mesh.jpg
# PYTHON (by default python) runs facelib, which draws the poses.
set -eu

fail() {
	echo "generate_faces.sh: $1" >&2
	exit "$2"
}

[ $# -ge 1 ] && [ $# -le 2 ] || fail "expected a number of people and perhaps a folder: generate_faces.sh COUNT [OUT]" 2
case $1 in
'' | *[!0-9]* | ??????*) fail "COUNT must be a whole number up to 99999, got '$1'" 2 ;;
esac
command -v fg3 >/dev/null || fail "fg3, the command line of the FaceGen SDK (facegen.com, under a licence), is not on the PATH; without it, 'facelib standin facegen FOLDER --count $1' writes a stand-in of the same files" 3

count=$1
here=$(cd "$(dirname "$0")" && pwd)
out=${2:-$here}
sam=$(cd "${FACEGEN_SAM:-.}" && pwd)
python=${PYTHON:-python}
for needed in Head BFM _random_settings.xml front.xml left.xml right.xml; do
	[ -e "$sam/$needed" ] || fail "expected $needed in $sam; FACEGEN_SAM names the folder of FaceGen's models" 3
done
mkdir -p "$out"
out=$(cd "$out" && pwd)

work=
trap '[ -z "$work" ] || rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

generate() {
	num=$1
	for folder in "$sam"/*/; do
		ln -s "${folder%/}" .
	done
	ln -s "$sam/_random_settings.xml" .
	"$python" -m facelib pairs facegen-poses "$sam" . --seed "$2"
	fg3 random run _random_settings base_ 1
	fg3 construct Head/Headhires base_0000.fg base_mesh
	for view in front left right; do
		fg3 render "$view" -s "$view"
	done
	mkdir "$num"
	fg3 -s construct BFM/BFM base_0000.fg base_mesh
	fg3 -s triexport "$num/$num.obj" base_mesh.tri
	for view in front left right; do
		mv "$view.png" "$num/${num}_$view.png"
		mv "$view.xml" "$num/${num}_$view.xml"
		mv "${view}_cam.xml" "$num/${num}_${view}_cam.xml"
	done
	[ -s "$num/$num.obj" ] || fail "fg3 left no mesh of person $num" 1
}

i=0
while [ "$i" -lt "$count" ]; do
	i=$((i + 1))
	num=$(printf '%05d' "$i")
	[ ! -d "$out/$num" ] || continue
	echo "generating face $num"
	work="$out/.$num.partial"
	rm -rf "$work"
	mkdir "$work"
	cd "$work"
	generate "$num" "$i"
	mv "$num" "$out/$num"
	cd "$out"
	rm -rf "$work"
	work=
done
