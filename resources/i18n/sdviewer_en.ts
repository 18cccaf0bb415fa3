<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en">
<context>
    <name>sdviewer</name>
    <message>
        <location filename="../../sdviewer/ui/models/diff_model.py"/>
        <source> A click sorts by it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source> of a {kind}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;About sdviewer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;All Commands…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Analyze</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Back</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Clear</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <location filename="../../sdviewer/ui/main_window.py"/>
        <source>&amp;Close Tab</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Collapse</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Compare…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <location filename="../../sdviewer/ui/detail/blocks.py"/>
        <location filename="../../sdviewer/ui/detail/name_line.py"/>
        <source>&amp;Copy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/view.py"/>
        <source>&amp;Copy Name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/frame.py"/>
        <source>&amp;Copy Picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/crash_dialog.py"/>
        <source>&amp;Copy Report</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>&amp;Copy Value</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/view.py"/>
        <source>&amp;Copy as TSV</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Dark</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Edit</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <location filename="../../sdviewer/ui/comparison/view.py"/>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>&amp;Expand All Below</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/main_window.py"/>
        <source>&amp;Export Left with the Names of Right…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Export…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;File</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Filter</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Fold Alike Blocks</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/view.py"/>
        <source>&amp;Go to Index</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Go to Tensor…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Help</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/crash_dialog.py"/>
        <source>&amp;Include paths and names of files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Keyboard Shortcuts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Light</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/recipes.py"/>
        <source>&amp;Load Recipe…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Modules</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Next Tab</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Notify When Long Work Ends</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Open…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/view.py"/>
        <source>&amp;Pair with…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Paste</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <location filename="../../sdviewer/ui/page_commands.py"/>
        <source>&amp;Pause Scan</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Previous Tab</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Quit</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Reload</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/page_commands.py"/>
        <source>&amp;Resume Scan</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/recipes.py"/>
        <source>&amp;Save Recipe…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/view.py"/>
        <source>&amp;Save the Whole Tensor as .npy…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Scan All Tensors</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/main_window.py"/>
        <source>&amp;Swap Sides</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Theme</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;Tools</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/view.py"/>
        <source>&amp;Undo This Pair</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>&amp;View</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/status/jobs_bar.py"/>
        <source>+ {value} more</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/bytes_view.py"/>
        <source>, {more:,} more below</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/treemap/view.py"/>
        <source>1 level</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/load_pane.py"/>
        <source>; and {more:,} more</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>; of another tolerance than that they were read with it is known that there are some</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/reading.py"/>
        <source>? order</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/choosing.py"/>
        <source>A F&amp;older of Shards…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/channels/pane.py"/>
        <source>A channel is all values with one index along this axis</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/palette.py"/>
        <source>A few letters of a command, as in exp sel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/keys.py"/>
        <location filename="../../sdviewer/ui/table/keys.py"/>
        <location filename="../../sdviewer/ui/tree/keys.py"/>
        <source>A letter …</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>A line for each name: old,new</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/tab.py"/>
        <source>A pair needs one tensor of each side.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/dialogs.py"/>
        <source>About sdviewer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/overview.py"/>
        <source>Absolute tolerance</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_list.py"/>
        <source>Add a rule behind the current one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Add prefix</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_list.py"/>
        <source>Add rule</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>All &amp;Tensors</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/columns.py"/>
        <source>All columns</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/chips.py"/>
        <source>All tensors: empty the filter</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/axes_bar.py"/>
        <source>An index such as 12, 34, or #1234 for the element of that number (Ctrl+G)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/choosing.py"/>
        <source>Another &amp;File…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/dialogs.py"/>
        <source>Apache License 2.0. Qt and PySide6 are used under the LGPL, version 3.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/overview.py"/>
        <source>Apply</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/target_bar.py"/>
        <source>As in the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>As the &amp;System</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/tree/copying.py"/>
        <source>At most {MOST_COPIED:,} rows can be copied.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/tasks.py"/>
        <source>At most {MOST_COPIED:,} rows can be copied: save them as CSV or JSON instead.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/image/tools.py"/>
        <source>Auto</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/image/tools.py"/>
        <source>Automatic limits: {tip}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/histograms/view.py"/>
        <source>Axes of the histograms</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/spectrum/pane.py"/>
        <source>Axis that makes the rows of the matrix</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/channels/pane.py"/>
        <source>Axis whose channels are drawn</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/channels/pane.py"/>
        <source>Axis {axis} ({size:,})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/pane.py"/>
        <source>Back to the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/values_pane.py"/>
        <source>Back to the tensor</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/target_bar.py"/>
        <source>Bare state_dict</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/models/plan_model.py"/>
        <source>Becomes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_derived.py"/>
        <source>Belongs together</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Below</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Best scale</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_groups.py"/>
        <source>Bits a weight</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Both sides</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Both sides are sections of the same file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Both sides are the same section of the same file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <source>By cosine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <source>By how sure the pair is</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <source>By mark</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <source>By max |Δ|</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <source>By name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>By role</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <source>By the share changed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <source>By ‖Δ‖ / ‖A‖</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>Byte order</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <location filename="../../sdviewer/ui/tree/copying.py"/>
        <source>Bytes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/document/loading_page.py"/>
        <location filename="../../sdviewer/ui/plots/spectrum/pane.py"/>
        <location filename="../../sdviewer/ui/status/jobs_bar.py"/>
        <location filename="../../sdviewer/ui/status/jobs_popup.py"/>
        <source>Cancel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/spectrum/pane.py"/>
        <source>Cancel computing the singular values</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/status/jobs_bar.py"/>
        <location filename="../../sdviewer/ui/status/jobs_popup.py"/>
        <source>Cancel {title}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/keys.py"/>
        <source>Carry the rule out earlier</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_list.py"/>
        <source>Carry the rule out earlier (Alt+↑)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/keys.py"/>
        <source>Carry the rule out later</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_list.py"/>
        <source>Carry the rule out later (Alt+↓)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Cast</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/figures.py"/>
        <location filename="../../sdviewer/ui/detail/statistics_pane.py"/>
        <source>Casts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/image/tools.py"/>
        <source>Cells as wide as high; else the picture fills the pane</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <location filename="../../sdviewer/ui/models/diff_model.py"/>
        <source>Changed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/layers_pane.py"/>
        <source>Changes along layers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/channels/view.py"/>
        <source>Channel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/channels/view.py"/>
        <source>Channel </source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/panes.py"/>
        <location filename="../../sdviewer/ui/plots/channels/view.py"/>
        <source>Channels</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/preview.py"/>
        <source>Check the casts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/carrying.py"/>
        <source>Checking the casts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/load_pane.py"/>
        <source>Checking what load_state_dict would say</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/load_pane.py"/>
        <source>Checking …</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/choosing.py"/>
        <source>Choose Two &amp;Files…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/channels/view.py"/>
        <source>Choose a channel; Enter in the picture, or the button beside, leads to its values</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/partner.py"/>
        <source>Choose a partner</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/pane.py"/>
        <source>Choose the columns</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/target_bar.py"/>
        <source>Choose the file to write</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/layers/view.py"/>
        <source>Choose which roles are drawn</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/target_bar.py"/>
        <source>Choose…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <source>Class</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/clear_button.py"/>
        <source>Clear</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/close_button.py"/>
        <location filename="../../sdviewer/ui/crash_dialog.py"/>
        <location filename="../../sdviewer/ui/error_strip.py"/>
        <location filename="../../sdviewer/ui/export/carrying.py"/>
        <source>Close</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>Close everything</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/errors.py"/>
        <source>Close other files or programs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/tree/keys.py"/>
        <source>Close the entry</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/tree/keys.py"/>
        <source>Close the entry, or go to its parent</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/keys.py"/>
        <source>Close the module</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/keys.py"/>
        <source>Close the module, or go to its parent</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Close the selected entry, or the one around it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Close the window</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Close this tab</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/close_button.py"/>
        <source>Close {what}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>Collapse all</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/treemap/view.py"/>
        <source>Colour: {lower}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/header.py"/>
        <location filename="../../sdviewer/ui/table/pane.py"/>
        <location filename="../../sdviewer/ui/values/axes_bar.py"/>
        <source>Columns</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/offer.py"/>
        <source>Compare</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/main_window.py"/>
        <source>Compare &amp;with…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Compare Two &amp;Tensors</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/choosing.py"/>
        <source>Compare Two Files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/bytes_view.py"/>
        <source>Compare model with EMA</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Compare the two selected tensors, or the selected one with the one that was picked</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Compare two files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/choosing.py"/>
        <source>Compare with</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/carrying.py"/>
        <source>Compare with the source</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/choosing.py"/>
        <source>Compare {title_of} with</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/offer.py"/>
        <source>Compare {title_of} with {title_of_2}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/offer.py"/>
        <source>Compare {title_of} with {title_of_2}?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/resume_pane.py"/>
        <source>Comparing the optimizers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/resume_pane.py"/>
        <source>Comparing the optimizers …</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/work.py"/>
        <source>Comparing {title}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/keys.py"/>
        <source>Comparison</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>Components</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/rank_pane.py"/>
        <location filename="../../sdviewer/ui/plots/spectrum/pane.py"/>
        <source>Compute</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/rank_pane.py"/>
        <source>Compute the rank of the change</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/rank_pane.py"/>
        <source>Computing the rank of a change</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/rank_pane.py"/>
        <source>Computing the rank was stopped.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/spectrum/pane.py"/>
        <source>Computing the singular values was stopped.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/rank_pane.py"/>
        <source>Computing …</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/guide.py"/>
        <source>Contents</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Convert floating point tensors: all, or those that the filter fits.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/crash_dialog.py"/>
        <source>Copied</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>Copied the path.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/frame.py"/>
        <source>Copied the picture.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/load_pane.py"/>
        <source>Copied the renames.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/reports.py"/>
        <source>Copied the report as {form}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/statistics_pane.py"/>
        <source>Copied the statistics as {what}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/frame.py"/>
        <source>Copied the summary.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>Copied the value.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/recipes.py"/>
        <source>Copied the {what} ({characters}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>Copied {characters} of JSON.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/sources/pane.py"/>
        <source>Copied {characters}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/tree/copying.py"/>
        <source>Copied {count}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/tasks.py"/>
        <source>Copied {rows}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/tasks.py"/>
        <source>Copied {values} as {value}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/page_commands.py"/>
        <source>Copied: {text_}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/blocks.py"/>
        <location filename="../../sdviewer/ui/detail/statistics_pane.py"/>
        <source>Copy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/tree/commands.py"/>
        <source>Copy &amp;Name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/tree/commands.py"/>
        <source>Copy &amp;Names</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>Copy &amp;Path</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/tree/commands.py"/>
        <source>Copy &amp;Row as TSV</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/tree/commands.py"/>
        <source>Copy &amp;Rows as TSV</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/pane.py"/>
        <source>Copy Access Expression</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>Copy JSON</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/pane.py"/>
        <source>Copy Names	Ctrl+C</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/frame.py"/>
        <source>Copy S&amp;ummary</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/statistics_pane.py"/>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>Copy as &amp;JSON</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/recipes.py"/>
        <source>Copy as &amp;Python</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/view.py"/>
        <source>Copy as &amp;Python List</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/statistics_pane.py"/>
        <source>Copy as &amp;TSV</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/statistics_pane.py"/>
        <source>Copy as &amp;Text</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Copy as Comman&amp;d</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/pane.py"/>
        <source>Copy as Markdown</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/pane.py"/>
        <source>Copy as TSV</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/reports.py"/>
        <source>Copy as {form}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/errors.py"/>
        <source>Copy details</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/carrying.py"/>
        <source>Copy its path</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>Copy path</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/recipes.py"/>
        <source>Copy the &amp;Command</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Copy the command that tells in a terminal what is shown</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>Copy the name of the selected entry</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>Copy the selected entry and all below it as JSON</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>Copy the selected value (Ctrl+C)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/statistics_pane.py"/>
        <source>Copy the statistics</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>Copy value</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Copy what is selected</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/blocks.py"/>
        <source>Copy {what}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/page_commands.py"/>
        <source>Copying the command</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/tree/copying.py"/>
        <source>Copying {count}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <location filename="../../sdviewer/ui/models/diff_model.py"/>
        <source>Cosine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Could belong to, in {other}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Count every value of the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/preview.py"/>
        <source>Count the values that become infinite or 0 when they are cast</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/distribution_pane.py"/>
        <source>Counting both tensors</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/step_view.py"/>
        <source>Counting the effective step</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/step_view.py"/>
        <source>Counting was stopped.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/distribution/view.py"/>
        <source>Counting what is in sight</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/step_view.py"/>
        <source>Counting …</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/distribution/view.py"/>
        <source>Cumulative</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/footer.py"/>
        <source>Current value: {join}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/saving.py"/>
        <source>Description</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/errors.py"/>
        <source>Details</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/errors.py"/>
        <source>Details of the error</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/pane.py"/>
        <source>Details of the selected entry</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/detail.py"/>
        <source>Details of the selected row</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/distribution_pane.py"/>
        <location filename="../../sdviewer/ui/comparison/image_pane.py"/>
        <source>Difference</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/numbers.py"/>
        <location filename="../../sdviewer/ui/detail/panes.py"/>
        <location filename="../../sdviewer/ui/plots/distribution/view.py"/>
        <source>Distribution</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/distribution_pane.py"/>
        <source>Distribution of Δ</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/keys.py"/>
        <source>Do it again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/layers_pane.py"/>
        <source>Draw by the logarithm; what did not change has no place then</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/distribution/view.py"/>
        <location filename="../../sdviewer/ui/plots/histograms/view.py"/>
        <source>Draw counts by their logarithm, so that few values are seen, too</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/channels/view.py"/>
        <source>Draw figures by their logarithm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/layers/view.py"/>
        <source>Draw figures by their logarithm; zeros have no place then</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/image_pane.py"/>
        <source>Drawing the difference</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/image/view.py"/>
        <source>Drawing the picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/image/view.py"/>
        <source>Drawing the picture was stopped.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/image_pane.py"/>
        <source>Drawing was stopped.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/empty_page.py"/>
        <source>Drop a checkpoint here, or</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <location filename="../../sdviewer/ui/detail/describe_derived.py"/>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <location filename="../../sdviewer/ui/models/plan_model.py"/>
        <location filename="../../sdviewer/ui/models/tree_model.py"/>
        <location filename="../../sdviewer/ui/tree/copying.py"/>
        <source>Dtype</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/models/diff_model.py"/>
        <source>Dtype and shape</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/models/diff_model.py"/>
        <source>Dtype and shape, A → B where they are not the same</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <source>Dtypes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/histograms/view.py"/>
        <source>Each on the axis of its own values, or all on the axis of the widest range</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/pane.py"/>
        <location filename="../../sdviewer/ui/optimizer/step_view.py"/>
        <source>Effective step</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/step_view.py"/>
        <source>Effective step of {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>Elements</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <location filename="../../sdviewer/ui/detail/health_view.py"/>
        <source>End the scan; what was found stays</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Equal after a cast</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/pane.py"/>
        <source>Esc, Ctrl+E</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/status/jobs_popup.py"/>
        <source>Everything that runs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Exclude</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>Expand all</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/keys.py"/>
        <location filename="../../sdviewer/ui/export/pane.py"/>
        <location filename="../../sdviewer/ui/export/target_bar.py"/>
        <source>Export</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Export Selecti&amp;on…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/pane.py"/>
        <source>Export These…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/pane.py"/>
        <source>Export {title}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/carrying.py"/>
        <source>Exported {name}: verified ✓</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/carrying.py"/>
        <source>Exporting {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/spectrum/pane.py"/>
        <source>Figures of the spectrum</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/library.py"/>
        <source>Figures take longer until the next start: {message}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <source>File</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/target_bar.py"/>
        <source>File to write</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <location filename="../../sdviewer/ui/filter/line.py"/>
        <source>Filter</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/layers/role_list.py"/>
        <source>Filter roles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/layers/role_list.py"/>
        <source>Filter the roles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Filter the tensors</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <source>Filter: parts of names …</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/line.py"/>
        <source>Filter: words, *.weight, dtype:bf16 …</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/bar.py"/>
        <source>Filtering</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/pick_panel.py"/>
        <source>Find</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Find a tensor by letters of its name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Find any command by letters of its name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/preview.py"/>
        <source>Find in old and new names</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/find_line.py"/>
        <source>Find in {what}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/scan/report.py"/>
        <source>Findings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/find_line.py"/>
        <source>Finds</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/tree/keys.py"/>
        <source>Fold the alike blocks around the entry</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Follow the system's theme</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/distribution/view.py"/>
        <source>For each bin the share of values up to its end</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>For&amp;ward</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Forget the files that were compared last</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Forget the files that were opened last</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <location filename="../../sdviewer/ui/detail/describe_groups.py"/>
        <source>Format</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>From CSV…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <source>Global</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/keys.py"/>
        <source>Go across the columns</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/keys.py"/>
        <source>Go back to the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Go back to what was selected before, in whichever tab</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Go forward again to what was selected after</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <source>Go on</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/axes_bar.py"/>
        <source>Go to</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/keys.py"/>
        <source>Go to an index</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/keys.py"/>
        <source>Go to another row and leave the selection</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/keys.py"/>
        <source>Go to another row and select it alone</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/keys.py"/>
        <source>Go to another value, beyond what the table holds too</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/axes_bar.py"/>
        <source>Go to index</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/pane.py"/>
        <source>Go to parameter</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/pane.py"/>
        <source>Go to state</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/go_to.py"/>
        <source>Go to tensor: a few letters of its name, as in l12 q w</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/statistics_pane.py"/>
        <source>Go to the first bad value</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/keys.py"/>
        <source>Go to the first column</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/keys.py"/>
        <location filename="../../sdviewer/ui/tree/keys.py"/>
        <source>Go to the first or the last row</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/keys.py"/>
        <source>Go to the first value</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/values_pane.py"/>
        <source>Go to the largest difference</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/keys.py"/>
        <source>Go to the last column</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/keys.py"/>
        <source>Go to the last value</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/tree/keys.py"/>
        <source>Go to the next entry whose name begins so</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Go to the next problem or difference</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/keys.py"/>
        <source>Go to the next row whose name begins so</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Go to the next tab</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/keys.py"/>
        <source>Go to the next tensor whose name begins so</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/keys.py"/>
        <location filename="../../sdviewer/ui/tree/keys.py"/>
        <source>Go to the parent</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Go to the previous tab</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Go to the problem or difference before</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/first_hint.py"/>
        <source>Got it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/first_hint.py"/>
        <source>Got it: do not show this hint again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/resume_pane.py"/>
        <source>Group</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/resume_pane.py"/>
        <source>Groups side by side</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/health_view.py"/>
        <location filename="../../sdviewer/ui/scan/columns.py"/>
        <source>Health</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <source>Hidden at</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/panes.py"/>
        <location filename="../../sdviewer/ui/plots/histograms/view.py"/>
        <source>Histograms</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/image_pane.py"/>
        <source>How axes are laid out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/rank_pane.py"/>
        <source>How many directions the change needs: the singular values of Δ, computed by PyTorch in a process of its own.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/treemap/view.py"/>
        <source>How many levels are drawn</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/treemap/view.py"/>
        <source>How many levels are drawn, one within the other</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/image/tools.py"/>
        <source>How many stand in a line</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/overview.py"/>
        <source>How they are compared</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <source>How torch would load it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/panes.py"/>
        <location filename="../../sdviewer/ui/plots/image/view.py"/>
        <source>Image</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>In file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>In files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/models/plan_model.py"/>
        <source>In the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Include</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/values_pane.py"/>
        <source>Index</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>It could belong to any of {others:,} tensors of {other}, so to none for sure: choose one with “Pair with…”, or drag it there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/pane.py"/>
        <source>It is not known which parameter of the model this is: see what is said above the table.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/state_link.py"/>
        <source>It is not known which parameter this state is of: see Optimizer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/values_pane.py"/>
        <source>Its component {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/channels/view.py"/>
        <source>Its values</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/reasons.py"/>
        <source>Its values lie in</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Keep what the filter fits; several in a row are alternatives.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/models/metadata_model.py"/>
        <source>Key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/dialogs.py"/>
        <source>Keyboard Shortcuts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Keys</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/dialogs.py"/>
        <source>Keys and what they do</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/preview.py"/>
        <source>Keys, as they are in the file and as they will be</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <location filename="../../sdviewer/ui/models/tree_model.py"/>
        <location filename="../../sdviewer/ui/tree/copying.py"/>
        <source>Kind</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/target_bar.py"/>
        <source>Kind of file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Largest ULP distance</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Largest |Δ|</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/panes.py"/>
        <location filename="../../sdviewer/ui/plots/layers/view.py"/>
        <source>Layers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/target_bar.py"/>
        <source>Leave out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/chips.py"/>
        <source>Leave out tensors that differ by nothing but their names</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Leave out what the filter fits.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Let the scan wait, or go on</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/dialogs.py"/>
        <source>Licences of All Parts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/distribution/view.py"/>
        <source>Lines at values that stand out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/recipes.py"/>
        <source>Load Recipe</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/recipes.py"/>
        <source>Load a Table of Names</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/load_pane.py"/>
        <source>Load check</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/recipes.py"/>
        <source>Loaded {name}: {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/recipes.py"/>
        <source>Loaded {name}: {rules}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/layers_pane.py"/>
        <location filename="../../sdviewer/ui/plots/channels/view.py"/>
        <location filename="../../sdviewer/ui/plots/layers/view.py"/>
        <source>Log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/distribution/view.py"/>
        <location filename="../../sdviewer/ui/plots/histograms/view.py"/>
        <source>Log counts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/histograms/view.py"/>
        <source>Log counts: draw counts by their logarithm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/layers_pane.py"/>
        <source>Log: draw by the logarithm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/layers/view.py"/>
        <source>Log: draw figures by their logarithm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/pane.py"/>
        <source>Look at the moments</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/go_to.py"/>
        <source>Looking for a tensor</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/state_link.py"/>
        <source>Looking for the state of a parameter</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/scan/scanning.py"/>
        <source>Looking up {title}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/dialogs.py"/>
        <source>Looks inside PyTorch checkpoints. Nothing in a file is ever executed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/statistics_pane.py"/>
        <source>Make all exact</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/spectrum/view.py"/>
        <source>Marchenko–Pastur edge</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <location filename="../../sdviewer/ui/models/diff_model.py"/>
        <source>Mark</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>Marked</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/distribution/view.py"/>
        <source>Markers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/distribution/view.py"/>
        <source>Markers: lines at values that stand out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Marks</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Mean |Δ|</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/panes.py"/>
        <location filename="../../sdviewer/ui/export/target_bar.py"/>
        <location filename="../../sdviewer/ui/metadata/tree.py"/>
        <source>Metadata</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/target_bar.py"/>
        <source>Metadata, a line key=value each</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/target_bar.py"/>
        <source>Metadata: texts for the header of the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/spectrum/pane.py"/>
        <source>Method</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/distribution/view.py"/>
        <source>Middle 99.8 %</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/chips.py"/>
        <source>NaN</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>NaN on one side only; infinities that are not the same. They are in no other measure.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>NaN, ∞ on one side</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <location filename="../../sdviewer/ui/detail/pane.py"/>
        <location filename="../../sdviewer/ui/models/diff_model.py"/>
        <location filename="../../sdviewer/ui/models/tree_model.py"/>
        <location filename="../../sdviewer/ui/sources/pane.py"/>
        <location filename="../../sdviewer/ui/tree/copying.py"/>
        <source>Name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/models/diff_model.py"/>
        <source>Name in A, or in B where A has none</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Names in natural order, 2 before 10, instead of the file's order.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/overview.py"/>
        <source>Names of A</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Names of A become those of B by</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Names that begin with the old one begin with the new one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/distribution_pane.py"/>
        <source>Neither side has a finite value.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>New</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>New text</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Next &amp;Problem or Difference</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/find_line.py"/>
        <source>Next find (Enter)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/tasks.py"/>
        <source>No Python expression leads there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/palette.py"/>
        <source>No command has these letters in this order</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/recipes.py"/>
        <source>No command was copied: this export cannot be carried out as it is.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/page_commands.py"/>
        <source>No command was copied: {error}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/histograms/pane.py"/>
        <source>No name has this text.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/state_link.py"/>
        <source>No optimizer in this file is known to keep a state of this parameter.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/layers_pane.py"/>
        <source>No pair below is in a numbered layer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_list.py"/>
        <source>No rules: everything is written as it is.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/bar.py"/>
        <source>No tensor fits</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/arranging.py"/>
        <source>No tensor fits this filter.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/go_to.py"/>
        <source>No tensor has these letters in this order</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/histograms/pane.py"/>
        <source>No tensor here has values to draw.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/page_commands.py"/>
        <source>No tensor of this file has a problem.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/numbers.py"/>
        <source>No value is finite: there is no distribution to draw.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/spectrum/words.py"/>
        <source>Noise level</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/load_pane.py"/>
        <source>Not known from state_dicts: </source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/offer.py"/>
        <source>Not now</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/models/plan_model.py"/>
        <source>Note</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/drag_out.py"/>
        <source>Nothing can be dragged: {error}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/page_commands.py"/>
        <source>Nothing differs, as far as it was compared.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/treemap/pane.py"/>
        <source>Nothing here holds any bytes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/empty_page.py"/>
        <source>Nothing in a file is ever executed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/pane.py"/>
        <source>Nothing is kept of this parameter.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/document/browser.py"/>
        <source>Nothing was copied.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/carrying.py"/>
        <source>Nothing was written.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/view.py"/>
        <source>NumPy arrays (*.npy)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Old</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/chips.py"/>
        <source>Only buffers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/chips.py"/>
        <source>Only floating point tensors</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/histograms/pane.py"/>
        <source>Only names with …</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/chips.py"/>
        <source>Only parameters</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/chips.py"/>
        <source>Only tensors in which a scan has found an error or a warning</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/chips.py"/>
        <source>Only tensors that are the same as another one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/histograms/pane.py"/>
        <source>Only tensors whose names have this text</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/chips.py"/>
        <source>Only tensors with something wrong: bytes missing, out of bounds</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/chips.py"/>
        <source>Only tensors with values that are NaN, as far as they were scanned</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Open &amp;Folder…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Open &amp;Recent</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/main_window.py"/>
        <source>Open Checkpoints</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/main_window.py"/>
        <source>Open a Folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/main_window.py"/>
        <source>Open a checkpoint first: a recipe says how one is exported.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/bytes_view.py"/>
        <source>Open a comparison of the two, tensor by tensor</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Open a model with what lies beside it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Open all below the selected entry</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Open checkpoint files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>Open everything</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/tree/keys.py"/>
        <source>Open everything below the entry</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/keys.py"/>
        <source>Open everything below the module</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/choosing.py"/>
        <location filename="../../sdviewer/ui/file_tabs.py"/>
        <source>Open files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/tree/keys.py"/>
        <source>Open or close the entry</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/keys.py"/>
        <source>Open or close the module</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/tree/keys.py"/>
        <source>Open the entry</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/tree/keys.py"/>
        <source>Open the entry, or go to its first child</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/bytes_view.py"/>
        <source>Open the export with the model alone; what lies beside it stays out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Open the files on the clipboard, or their paths</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/keys.py"/>
        <source>Open the module</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/keys.py"/>
        <source>Open the module, or go to its first child</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/carrying.py"/>
        <source>Open the result</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/blocks.py"/>
        <source>Open the whole</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Open what was open when the window was closed last</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/choosing.py"/>
        <source>Opened before</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>Opened the first levels: there are {value:,} entries.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/side.py"/>
        <location filename="../../sdviewer/ui/document/loading_page.py"/>
        <location filename="../../sdviewer/ui/document/tab.py"/>
        <source>Opening {title}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/side.py"/>
        <location filename="../../sdviewer/ui/document/tab.py"/>
        <source>Opening {title} was stopped</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/empty_page.py"/>
        <source>Open…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/panes.py"/>
        <location filename="../../sdviewer/ui/optimizer/pane.py"/>
        <source>Optimizer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/resume_pane.py"/>
        <source>Optimizer {name} is in {side} alone.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/resume_pane.py"/>
        <source>Optimizers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/resume_pane.py"/>
        <source>Option</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Outside tolerance</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/panes.py"/>
        <source>Overview</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/overview.py"/>
        <source>Overview of the selected entry</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/overview.py"/>
        <source>Overview of the selected row</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/partner.py"/>
        <source>Pair {name_at} with</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/models/diff_model.py"/>
        <source>Paired by</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Paired by a guess</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Paired by a guess: {BY_WORDS}, sure to {score:.0%}. {BY_TIPS}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/tab.py"/>
        <source>Pairing was stopped.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/work.py"/>
        <source>Pairing {title}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Pairs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <location filename="../../sdviewer/ui/optimizer/pane.py"/>
        <source>Parameters</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/table.py"/>
        <source>Parameters and their state</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/partner.py"/>
        <source>Parts of the other name …</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/partner.py"/>
        <source>Parts of the partner's name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <source>Path</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Pick Tensor for Co&amp;mparing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/headers.py"/>
        <source>Places on the axis that runs across</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/headers.py"/>
        <source>Places on the axis that runs down</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/pane.py"/>
        <source>Planning was stopped.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Prefix</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Previous P&amp;roblem or Difference</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/find_line.py"/>
        <source>Previous find (Shift+Enter)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/status/job_bar.py"/>
        <source>Progress</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Put it before every name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>RMSE</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Read a table of old,new names from a file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/pane.py"/>
        <source>Read all moments: their norms, and whether they are finite and not negative</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Read the file again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/statistics_pane.py"/>
        <source>Read the values once more, so that no figure is known within limits only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/channels/pane.py"/>
        <source>Reading channels</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>Reading metadata</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>Reading metadata …</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/derived_bar.py"/>
        <source>Reading scales</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/channels/pane.py"/>
        <source>Reading the channels was stopped.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>Reading the metadata was stopped.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/pane.py"/>
        <source>Reading the optimizer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/pane.py"/>
        <source>Reading the optimizer …</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/view.py"/>
        <source>Reading the values was stopped</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/distribution_pane.py"/>
        <location filename="../../sdviewer/ui/detail/numbers.py"/>
        <location filename="../../sdviewer/ui/detail/statistics_pane.py"/>
        <location filename="../../sdviewer/ui/plots/distribution/pane.py"/>
        <source>Reading the values was stopped.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/measuring.py"/>
        <location filename="../../sdviewer/ui/values/fetching.py"/>
        <source>Reading values</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/distribution_pane.py"/>
        <location filename="../../sdviewer/ui/detail/statistics_pane.py"/>
        <location filename="../../sdviewer/ui/plots/channels/pane.py"/>
        <location filename="../../sdviewer/ui/plots/distribution/pane.py"/>
        <location filename="../../sdviewer/ui/plots/reading_row.py"/>
        <source>Reading values …</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/reading_pane.py"/>
        <location filename="../../sdviewer/ui/sources/pane.py"/>
        <source>Reading {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/sources/pane.py"/>
        <source>Reading {name} was stopped.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/empty_page.py"/>
        <source>Recent</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Recent &amp;Pairs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/recent_list.py"/>
        <source>Recent files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/pane.py"/>
        <source>Recipe</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/pane.py"/>
        <source>Recipe: save, load, copy as code</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_list.py"/>
        <source>Redo (Ctrl+Y, Ctrl+Shift+Z)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Regex</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/overview.py"/>
        <source>Relative tolerance</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/document/change_strip.py"/>
        <source>Reload</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Remember the selected tensor, to compare it with one of any open file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_list.py"/>
        <source>Remove the rule (Delete)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/keys.py"/>
        <source>Remove the rule; of the keys, leave one out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Rename by regex</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Rename by template</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Rename keys by a table</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/load_pane.py"/>
        <source>Renames that repair it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Reopen the &amp;Last Session</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Replace prefix</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/overview.py"/>
        <source>Replaced before pairing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/overview.py"/>
        <source>Replacements in the names of A</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <location filename="../../sdviewer/ui/crash_dialog.py"/>
        <source>Report</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>Role</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/layers/view.py"/>
        <source>Roles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/layers/view.py"/>
        <source>Roles ({series} of {roles:,})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/layers/role_list.py"/>
        <source>Roles that are drawn</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/layers/view.py"/>
        <source>Roles: choose which are drawn</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/axes_bar.py"/>
        <source>Rows</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/spectrum/pane.py"/>
        <source>Rows: axis {axis} ({rows:,} × {columns:,})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Rule</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_list.py"/>
        <source>Rules</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_list.py"/>
        <source>Rules, in the order in which they are carried out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>S&amp;top Scan</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <source>Safety</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/frame.py"/>
        <source>Save &amp;Data as CSV…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/frame.py"/>
        <source>Save Picture as &amp;PNG…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/frame.py"/>
        <source>Save Picture as &amp;SVG…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/recipes.py"/>
        <source>Save Recipe</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/view.py"/>
        <source>Save as .npy…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/pane.py"/>
        <source>Save as CSV…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/pane.py"/>
        <source>Save as JSON…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/reports.py"/>
        <source>Save as {form}…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/pane.py"/>
        <source>Save as {upper}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/pane.py"/>
        <source>Save as {upper}…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/frame.py"/>
        <source>Save or copy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <source>Save or copy a report</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/frame.py"/>
        <source>Save or copy: {title}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/reports.py"/>
        <source>Save the Report as {form}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/view.py"/>
        <source>Save the Whole Tensor</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/pane.py"/>
        <source>Save the selected rows, or all that are shown</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/view.py"/>
        <source>Save the whole tensor as a .npy file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/frame.py"/>
        <source>Save {title} as {upper}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/reports.py"/>
        <location filename="../../sdviewer/ui/plots/frame.py"/>
        <source>Saved {name}, {written}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/tasks.py"/>
        <source>Saved {name}, {written}{widened}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/recipes.py"/>
        <source>Saved {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/tasks.py"/>
        <source>Saved {what} as {name} ({written}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/pane.py"/>
        <source>Save…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Scan Small Files on &amp;Opening</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Scan files of up to 256 MiB as soon as they are shown</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/scan/scanning.py"/>
        <source>Scanning {title}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/histograms/view.py"/>
        <source>Scroll the histograms</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>Section</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Section of {letter}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <source>Section of {side}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/name_line.py"/>
        <source>Select &amp;All</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/pane.py"/>
        <source>Select All	Ctrl+A</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/keys.py"/>
        <source>Select a rectangle</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/keys.py"/>
        <location filename="../../sdviewer/ui/tree/keys.py"/>
        <source>Select all rows</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/keys.py"/>
        <location filename="../../sdviewer/ui/tree/keys.py"/>
        <source>Select all rows up to another one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/keys.py"/>
        <source>Select all that the table holds</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/keys.py"/>
        <source>Select the row alone, or all up to it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/keys.py"/>
        <source>Select the row beside others, or no longer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/keys.py"/>
        <location filename="../../sdviewer/ui/tree/keys.py"/>
        <source>Select them beside those that are selected</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <location filename="../../sdviewer/ui/detail/describe_derived.py"/>
        <location filename="../../sdviewer/ui/models/plan_model.py"/>
        <location filename="../../sdviewer/ui/models/tree_model.py"/>
        <location filename="../../sdviewer/ui/tree/copying.py"/>
        <source>Shape</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>Shares storage with</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/frame.py"/>
        <source>Show &amp;All	Home</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/derived_bar.py"/>
        <source>Show &amp;ΔW, the change that the pair makes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Show alike blocks as one row</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/status/jobs_bar.py"/>
        <source>Show everything that runs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/chips.py"/>
        <source>Show only what differs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/axes_bar.py"/>
        <source>Show rows as columns</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/derived_bar.py"/>
        <source>Show the &amp;dequantised values</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/statistics_pane.py"/>
        <source>Show the first NaN or infinity in the table of values</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/pane.py"/>
        <source>Show the selected parameter in the model (Enter)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Show the table of all tensors</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <source>Show the tree again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Show the tree of modules</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <source>Show the tree of modules again, instead of the sorted list</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/channels/view.py"/>
        <source>Show the values of the channel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/channels/view.py"/>
        <source>Show the values of this channel in the table of values</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Show the version</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Show this list</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/pane.py"/>
        <source>Show what is kept of the selected parameter (Shift+Enter)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/distribution/view.py"/>
        <source>Show what lies between the quantiles 0.1 % and 99.9 %</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Show what the program can do, with pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/histograms/view.py"/>
        <source>Show {min:,} more tensors</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <source>Shown by no tensor</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Sign flips</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/spectrum/pane.py"/>
        <source>Singular values</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/rank_pane.py"/>
        <source>Singular values of Δ</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/spectrum/view.py"/>
        <source>Singular values, or the share of Σσ² in the first of them</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <location filename="../../sdviewer/ui/models/plan_model.py"/>
        <location filename="../../sdviewer/ui/models/tree_model.py"/>
        <location filename="../../sdviewer/ui/sources/pane.py"/>
        <source>Size</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Sort</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <source>Sort the tensors in a list</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <source>Sort the tensors in a list, as a click on a column's title does</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/channels/view.py"/>
        <source>Sorted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/panes.py"/>
        <source>Source</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <location filename="../../sdviewer/ui/sources/text_view.py"/>
        <source>Source text</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/panes.py"/>
        <location filename="../../sdviewer/ui/plots/spectrum/view.py"/>
        <source>Spectrum</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/image/tools.py"/>
        <source>Square cells</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>Stands for</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/numbers.py"/>
        <location filename="../../sdviewer/ui/detail/panes.py"/>
        <location filename="../../sdviewer/ui/scan/columns.py"/>
        <source>Statistics</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/statistics_pane.py"/>
        <source>Statistics of the selected tensor</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/health_view.py"/>
        <source>Stop</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/document/loading_page.py"/>
        <source>Stop opening this file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/status/jobs_bar.py"/>
        <source>Stop {lower}{title}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/go_to.py"/>
        <source>Stopped</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>Storage</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>Stride</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_list.py"/>
        <source>Strip every known wrapper</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Strip prefix</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_list.py"/>
        <source>Strip {prefix}   ({keys}, {title})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_list.py"/>
        <source>Strip {prefix} from {keys}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/summary.py"/>
        <source>Summary</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <source>Swap both sides</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/keys.py"/>
        <source>Switch the rule on or off</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/keys.py"/>
        <location filename="../../sdviewer/ui/table/view.py"/>
        <source>Table of all tensors</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/keys.py"/>
        <source>Table of values</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Take it away from names that begin with it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Tell of work that took more than ten seconds when it ends behind another window</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <source>Tensor data</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <source>Tensors</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/partner.py"/>
        <source>Tensors of the other side</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_groups.py"/>
        <source>Tensors that belong together</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/target_bar.py"/>
        <source>Tensors that share their values</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/target_bar.py"/>
        <source>Texts for the header of the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/sources/pane.py"/>
        <source>Texts in the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/spectrum/pane.py"/>
        <source>The axis that makes the rows of the matrix; all others make its columns</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/go_to.py"/>
        <source>The best {rows:,} of {total:,}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/carrying.py"/>
        <source>The casts were not checked.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/channels/pane.py"/>
        <source>The channels cannot be drawn.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/channels/pane.py"/>
        <source>The channels cannot be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/main_window.py"/>
        <source>The clipboard holds no file and no path of a file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/resume_pane.py"/>
        <source>The comparison of the optimizers was stopped.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/distribution_pane.py"/>
        <location filename="../../sdviewer/ui/detail/numbers.py"/>
        <location filename="../../sdviewer/ui/optimizer/step_view.py"/>
        <location filename="../../sdviewer/ui/plots/distribution/pane.py"/>
        <source>The distribution cannot be drawn.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/carrying.py"/>
        <source>The export was stopped; nothing was written.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/bar.py"/>
        <source>The filter was stopped; what is shown is the result before it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/histograms/pane.py"/>
        <source>The histograms cannot be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/models/diff_model.py"/>
        <source>The largest absolute difference: max |a − b|</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/channels/view.py"/>
        <source>The largest first</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/layers_pane.py"/>
        <source>The layers cannot be drawn.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/layers_pane.py"/>
        <source>The layers cannot be found.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/load_pane.py"/>
        <source>The load check failed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/load_pane.py"/>
        <source>The load check was stopped.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>The metadata cannot be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/treemap/view.py"/>
        <source>The module around this one (Backspace)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/spectrum/view.py"/>
        <source>The number of a singular value, the largest first, or the share of all</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/pane.py"/>
        <source>The optimizer cannot be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/state_link.py"/>
        <source>The optimizer cannot be read: {error}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/resume_pane.py"/>
        <source>The optimizers could not be compared.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/rank_pane.py"/>
        <location filename="../../sdviewer/ui/plots/image/pane.py"/>
        <source>The picture cannot be drawn.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/image/view.py"/>
        <source>The picture cannot be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/image_pane.py"/>
        <source>The pictures cannot be drawn.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/pane.py"/>
        <source>The plan could not be made.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/rank_pane.py"/>
        <source>The rank cannot be told.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/tab.py"/>
        <source>The report was not written.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/tab.py"/>
        <source>The rows cannot be filtered.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>The selected value</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/spectrum/pane.py"/>
        <source>The singular values cannot be computed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/spectrum/pane.py"/>
        <source>The spectrum cannot be drawn.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/layers/pane.py"/>
        <source>The statistics cannot be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/derived_bar.py"/>
        <source>The tabs tell of (α/r)·B·A, which the adapter adds to the weight</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/derived_bar.py"/>
        <source>The tabs tell of the weight that this tensor and those beside it stand for, by the formula of its format</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/treemap/pane.py"/>
        <location filename="../../sdviewer/ui/plots/treemap/view.py"/>
        <source>The treemap cannot be drawn.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/columns.py"/>
        <source>The usual columns</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/view.py"/>
        <source>The values cannot be read</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/distribution_pane.py"/>
        <location filename="../../sdviewer/ui/comparison/values_pane.py"/>
        <location filename="../../sdviewer/ui/detail/numbers.py"/>
        <location filename="../../sdviewer/ui/detail/statistics_pane.py"/>
        <location filename="../../sdviewer/ui/plots/distribution/pane.py"/>
        <source>The values cannot be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/health_view.py"/>
        <source>The values were not looked at yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/reading_pane.py"/>
        <source>The {name} cannot be drawn.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/resume_pane.py"/>
        <source>Their groups cannot be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/layers/pane.py"/>
        <source>There are no numbered layers in a row below this module, so there is nothing to draw along.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/step_view.py"/>
        <source>There is no effective step.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/page_commands.py"/>
        <source>There is no name that the comparison would change.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/pane.py"/>
        <source>There is no optimizer here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/session.py"/>
        <source>There is no session to reopen.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/drag_out.py"/>
        <source>There is no tensor in what is selected.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/tree/copying.py"/>
        <source>There is no {what} for what is selected.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/errors.py"/>
        <source>There is not enough memory for this.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>There is nothing in it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/tab.py"/>
        <source>They cannot be compared.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/numbers.py"/>
        <source>This tensor has no elements.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>Tied with</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/image/tools.py"/>
        <source>Tiles in a line</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/saving.py"/>
        <source>Title</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>To</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/table/pane.py"/>
        <source>Totals</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/axes_bar.py"/>
        <source>Transpose: show rows as columns</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <source>Tree</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/view.py"/>
        <source>Tree of both checkpoints</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/tree/keys.py"/>
        <source>Tree of modules</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/tree/view.py"/>
        <source>Tree of sections, modules and tensors</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/panes.py"/>
        <location filename="../../sdviewer/ui/plots/treemap/view.py"/>
        <source>Treemap</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/errors.py"/>
        <source>Try again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/models/metadata_model.py"/>
        <source>Type</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/target_bar.py"/>
        <source>Under a key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_list.py"/>
        <source>Undo (Ctrl+Z)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/keys.py"/>
        <source>Undo the last change of rules and options</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/keys.py"/>
        <source>Undo the pair, if it was a guess or made by hand</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/overview.py"/>
        <source>Undo this pair</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/tree/keys.py"/>
        <source>Unfold the alike blocks</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/treemap/view.py"/>
        <source>Up</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/treemap/view.py"/>
        <source>Up: the module around this one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Use the dark theme</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Use the light theme</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>User &amp;Guide</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/guide.py"/>
        <source>User Guide</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/guide.py"/>
        <source>User guide</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <location filename="../../sdviewer/ui/models/metadata_model.py"/>
        <location filename="../../sdviewer/ui/tree/copying.py"/>
        <source>Value</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_derived.py"/>
        <location filename="../../sdviewer/ui/detail/describe_groups.py"/>
        <location filename="../../sdviewer/ui/detail/panes.py"/>
        <location filename="../../sdviewer/ui/values/table.py"/>
        <source>Values</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/overview.py"/>
        <source>Values are close if |a − b| ≤ atol + rtol·|b|</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/values_pane.py"/>
        <source>Values of both sides</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/models/diff_model.py"/>
        <source>Values that are not equal as a share of all</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/carrying.py"/>
        <source>Verified against the source: {tensors}, {nbytes}, written as {target}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>Version</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/pane.py"/>
        <source>Views of the selected entry</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/detail.py"/>
        <source>Views of the selected row</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Waiting</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/document/browser.py"/>
        <source>Ways to see the tensors</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_groups.py"/>
        <source>Weights</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <source>What</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/bar.py"/>
        <location filename="../../sdviewer/ui/filter/help_popup.py"/>
        <source>What a filter can say</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/bar.py"/>
        <source>What a filter can say (Shift+F1)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>What differs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/models/diff_model.py"/>
        <source>What differs; of a module how many tensors of each mark</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/spectrum/view.py"/>
        <source>What is drawn</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/channels/view.py"/>
        <source>What is drawn of each channel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/layers/view.py"/>
        <source>What is drawn of each tensor</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/source_box.py"/>
        <source>What is exported</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/distribution/view.py"/>
        <source>What is in sight could not be counted exactly.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/spectrum/view.py"/>
        <source>What it is drawn over</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/summary.py"/>
        <source>What stands against the export, and what is to be known of it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/target_bar.py"/>
        <source>What stands around the state_dict</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/distribution/view.py"/>
        <source>What the axis counts in</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/treemap/view.py"/>
        <source>What the colours tell</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/treemap/view.py"/>
        <source>What the colours tell: of each tile what most of its bytes are</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>What the regex finds becomes the new text; groups are \1 or \g&lt;name&gt;.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/load_pane.py"/>
        <source>What torch says: {title}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <source>Where</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/bytes_view.py"/>
        <source>Where the bytes go</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/preview.py"/>
        <source>Which keys are shown</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>Whole names; {rest} may hold dots, other parts in braces do not.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/models/diff_model.py"/>
        <source>Why two tensors are compared, and of a guess how sure</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Window</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <source>Words that all have to be in a tensor's name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/line.py"/>
        <source>Words, patterns and fields that a tensor has to fit; Shift+F1 explains them</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/pane.py"/>
        <source>Work out how far the last step moved each value</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/target_bar.py"/>
        <source>Write</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/keys.py"/>
        <source>Write another new name for the key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Write the file anew: filtered, renamed, cast; of two files the left with the names of the right</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/actions.py"/>
        <source>Write the selected tensors to a file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/bar.py"/>
        <source>Write {suggestion} instead</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/drag_out.py"/>
        <source>Writing what is dragged ({tensors})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>You have made this pair.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/scan/columns.py"/>
        <source>Zeros %</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/overview.py"/>
        <source>^encoder\.=&gt;model.encoder.   (one REGEX=&gt;REPLACEMENT a line)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/app.py"/>
        <source>`sdviewer info FILE` works without one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/target_bar.py"/>
        <source>a copy of each</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>a part around it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <location filename="../../sdviewer/ui/filter/chips.py"/>
        <source>all</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/pane.py"/>
        <source>and {further_remarks}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/overview.py"/>
        <source>as torch.testing for the dtypes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>auto   every known wrapper, until none is left</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/axes_bar.py"/>
        <source>axis {axis}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>backbone.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>big-endian</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>blocks.\1</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/chips.py"/>
        <source>buffers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/reports.py"/>
        <source>choose another name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/shell_command.py"/>
        <source>compare the sections that they lie in</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/shell_command.py"/>
        <source>compare the whole files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_derived.py"/>
        <source>computed when they are read; no file holds them</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>encoder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/words.py"/>
        <source>equal after cast</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/recipes.py"/>
        <source>export them one by one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/chips.py"/>
        <source>findings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/chips.py"/>
        <source>float</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_derived.py"/>
        <source>float32</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>floating point numbers between a and b, at most</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/command.py"/>
        <source>give it the ending of {target}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/shell_command.py"/>
        <source>give the names with --map</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>h.{layer}.{rest}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/pane.py"/>
        <source>holds no tensors to export</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>its bytes are not in the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/target_bar.py"/>
        <source>key=value, a line each; nothing behind the = drops what the source has</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/metadata/pane.py"/>
        <source>keys and values</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/image/words.py"/>
        <source>largest magnitude</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>layers.{layer}.{rest}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>layers\.(\d+)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/load_pane.py"/>
        <source>load_state_dict(strict=False) fails too: shapes differ.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/load_pane.py"/>
        <source>load_state_dict(strict=False) succeeds and leaves {left} of the model uninitialised.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/load_pane.py"/>
        <source>load_state_dict(strict=True) fails.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/load_pane.py"/>
        <source>load_state_dict(strict=True) succeeds.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>max |a − b| over values that are finite on both sides = {max_abs!r}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <location filename="../../sdviewer/ui/models/diff_model.py"/>
        <source>max |Δ|</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>module.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>no</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>none</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>not by name; each says why and how sure</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>not compared</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/reading.py"/>
        <source>not known</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>not recorded</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/axes_bar.py"/>
        <source>of {size:,}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>old.name,new.name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/words.py"/>
        <source>only in A</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/words.py"/>
        <source>only in B</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/target_bar.py"/>
        <source>only the first, others noted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/chips.py"/>
        <source>only what differs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/reading.py"/>
        <source>order and shape</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>pairs whose values are still to be compared</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/chips.py"/>
        <source>parameters</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/chips.py"/>
        <source>problems</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>put together from its chunks when it is read</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/shell_command.py"/>
        <source>rename the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>requires_grad</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/shell_command.py"/>
        <source>save a report instead</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/sources.py"/>
        <source>say by rules which tensors are kept, or copy Python</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/dialogs.py"/>
        <source>sdviewer {version}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/shell_command.py"/>
        <source>select a module, or fewer of them</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/reading.py"/>
        <source>the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/guide.py"/>
        <source>the guide</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>the largest of all pairs below</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/pane.py"/>
        <source>the name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/load_pane.py"/>
        <source>the renames</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>the s for which ‖A − s·B‖ is least: Σab / Σb² = {best_scale!r}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/sources/pane.py"/>
        <source>the text</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>the whole file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/sources/pane.py"/>
        <source>the whole text</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/app.py"/>
        <source>there is no display for a window</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/chips.py"/>
        <source>tied</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>values of opposite sign, neither of them 0</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>values with a ≠ b; 0 and −0 are equal, and any two NaN</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>values with |a − b| &gt; atol + rtol·|b|, or NaN on one side only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/pane.py"/>
        <source>what is exported is now the whole file; choose above</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/load_pane.py"/>
        <source>what torch says of {title}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>whether all values are equal once one side is cast to the other's dtype</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/words.py"/>
        <source>within tolerance</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/export/rule_form.py"/>
        <source>words, *.weight, dtype:bf16 …</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>yes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/bar.py"/>
        <source>{AGAIN} to filter</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe.py"/>
        <source>{bits} bits an element</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/footer.py"/>
        <source>{capitalize} {first:,} – {value:,} of {size:,}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/palette.py"/>
        <source>{count} command{value}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/treemap/view.py"/>
        <source>{count} levels</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <source>{file_bytes:,} bytes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <source>{files}, see Source</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/resume_pane.py"/>
        <source>{into}: {call} fails: {error}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/resume_pane.py"/>
        <source>{into}: {call} succeeds.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/histograms/view.py"/>
        <source>{min:,} more</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/axes_bar.py"/>
        <source>{more:,} more axes: go to an index to change them</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/resume_pane.py"/>
        <source>{more:,} more not shown</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/bar.py"/>
        <source>{more_tensors} may fit, but {are} not scanned: F9 scans all</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/sources/pane.py"/>
        <source>{more_texts} not shown</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/sources/pane.py"/>
        <source>{name} cannot be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/picking.py"/>
        <source>{name} is picked: select the tensor, of any open file, that it is compared with.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/index_box.py"/>
        <source>{name}: 0 to {value}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <source>{nbytes:,} bytes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/bar.py"/>
        <source>{rows:,} of {total:,}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/bar.py"/>
        <source>{rows:,} of {total:,} tensors fit the filter</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/footer.py"/>
        <source>{rows:,} × {columns:,} = {count:,} values selected</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/palette.py"/>
        <source>{rpartition} cannot be done now</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>{share} ({differing:,} of {count:,} values)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>{share} ({differing:,} of {count:,})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/load_pane.py"/>
        <source>{tensors} converted in silence: {told}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/histograms/view.py"/>
        <source>{tensors} more are not shown</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>{tensors} of A could belong to several of B, and to none for sure; they are among those only in A.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/step_view.py"/>
        <source>{text_}. What the last step subtracted, weight decay left out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/side.py"/>
        <location filename="../../sdviewer/ui/document/tab.py"/>
        <source>{title} cannot be opened</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/side.py"/>
        <source>{title} is open</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/optimizer/pane.py"/>
        <location filename="../../sdviewer/ui/pane_tasks.py"/>
        <source>{title} was stopped.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/main_window.py"/>
        <source>{title} – sdviewer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/filter/go_to.py"/>
        <source>{total:,} tensor{value}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/detail/describe_file.py"/>
        <source>{unshown:,} bytes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/plots/library.py"/>
        <source>{upper}{message}. It is started again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>Σab / (‖A‖·‖B‖) = {cosine!r}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/models/diff_model.py"/>
        <source>Σab / (‖A‖·‖B‖): 1 for the same direction</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/head.py"/>
        <source>⇄ Swap</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/values/axes_bar.py"/>
        <source>⇄ Transpose</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/models/diff_model.py"/>
        <source>√Σ(a − b)² / √Σa²: how far the values went, measured by their size</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../sdviewer/ui/comparison/describe.py"/>
        <source>√ΣΔ² / √ΣA² over all pairs below: sums are added up, never averages of ratios</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
