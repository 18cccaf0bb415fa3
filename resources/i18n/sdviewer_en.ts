<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en">
<context>
    <name>sdviewer</name>
    <message>
        <location filename="../../sdviewer/ui/clear_button.py"/>
        <source>Clear</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
