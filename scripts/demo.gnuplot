# Commands and positions of the arm's joints over time: gnuplot -e "csv='arm.csv'; png='arm.png'" demo.gnuplot
set datafile separator ","
set datafile commentschars "#"
set terminal pngcairo size 1100,1000 font ",9"
set output png
set multiplot layout 3,1
set key outside right
set grid
set xlabel "time, s"
names = "base shoulder elbow forearm wrist hand"
stats csv using 1 every ::1 nooutput
begin = STATS_min
set ylabel "position, rad (thin: command)"
plot for [i=1:6] csv using ($1-begin):(column(2+3*i)) every ::1 with lines lw 2 lc i title word(names, i), \
     for [i=1:6] csv using ($1-begin):(column(1+3*i)) every ::1 with lines lw 0.5 dt 2 lc rgb "black" notitle
set ylabel "command - position, rad"
plot for [i=1:6] csv using ($1-begin):(column(1+3*i)-column(2+3*i)) every ::1 with lines lc i title word(names, i)
set ylabel "effort, N m"
plot for [i=1:6] csv using ($1-begin):(column(3+3*i)) every ::1 with lines lc i title word(names, i)
unset multiplot
