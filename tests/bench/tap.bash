# The Test Anything Protocol for the scripts of this folder, which source it when $scratch is there:
#
#   result NAME STATUS   a case that passed when STATUS is 0; else $scratch/out is shown
#   $number, $failed     cases so far; 1 when one failed
number=0
failed=0
result() {
	number=$((number + 1))
	if [ "$2" = 0 ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		head -n 60 "$scratch/out" | sed 's/^/# /'
		failed=1
	fi
}
